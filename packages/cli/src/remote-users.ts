import { isRecord, type UserPage } from "@codebox/core";
import type { ListedUser, MadeCode, PasswordPort } from "./commands/user.ts";
import { askRegistry } from "./remote.ts";
import type { Options } from "./registry.ts";

type Page = Omit<UserPage, "users"> & {
  readonly users: readonly (UserPage["users"][number] & {
    readonly disabled: boolean;
    readonly secondFactor?: boolean;
  })[];
  readonly invited: readonly { readonly name: string }[];
};

/**
 * The users of a running registry, for its administrators.
 *
 * @example const users = remoteUsers(async () => (await loadNpmConfig(scope, [`--registry=${url}`])).options);
 */
export function remoteUsers(options: () => Promise<Options>): PasswordPort {
  const send = async (method: string, name: string, what: string, body?: object) => {
    const path = `/-/users/${encodeURIComponent(name)}/${what}`;
    const answer = await askRegistry(path, options, { method, ...(body === undefined ? {} : { body }) });
    return isRecord(answer) ? answer : {};
  };
  const made = ({ code, expires }: Readonly<Record<string, unknown>>): MadeCode => ({
    code: String(code),
    expires: String(expires),
  });
  const lifetime = (days: number | undefined) => (days === undefined ? {} : { days });
  return {
    async list() {
      const all = new Map<string, ListedUser>();
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
        const page = (await askRegistry(`/-/users${query}`, options)) as Page;
        for (const { name } of page.invited) if (!all.has(name)) all.set(name, { name, state: "invited" });
        for (const { name, email, disabled, secondFactor = false } of page.users)
          all.set(name, { name, email, secondFactor, state: disabled ? "disabled" : "active" });
        cursor = page.cursor;
      }
      return [...all.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    disable: async (name) => Number((await send("PUT", name, "disabled", {}))["revoked"] ?? 0),
    enable: async (name) => void (await send("DELETE", name, "disabled")),
    invite: async (name, days) => made(await send("PUT", name, "invitation", lifetime(days))),
    reset: async (name, days) => made(await send("POST", name, "reset", lifetime(days))),
    withdraw: async (name) => void (await send("DELETE", name, "invitation")),
  };
}

/** Accepts an invitation of a running registry. */
export function remoteJoin(options: () => Promise<Options>) {
  return async (accepted: {
    readonly name: string;
    readonly code: string;
    readonly password: string;
  }): Promise<void> => {
    await askRegistry("/-/invitation", options, { method: "POST", body: accepted });
  };
}
