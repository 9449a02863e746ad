import * as z from "zod";
import { hashToken } from "../access/tokens.ts";
import { sessionKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { LoginState } from "../ports/login-flow.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";

/** How long a person may take to sign in, in milliseconds. */
export const SESSION_MS = 10 * 60 * 1000;

const StoredSession = z.object({
  /** When it ends, in milliseconds since 1970. */
  expires: z.number(),
  result: z
    .discriminatedUnion("state", [
      z.object({ state: z.literal("pending") }),
      z.object({ state: z.literal("identity"), name: z.string() }),
      z.object({ state: z.literal("failed"), reason: z.enum(["expired", "refused"]) }),
    ])
    .readonly(),
});

/** Logins that were begun and are not completed. */
export type Sessions = {
  /** Begins a session and returns its secret, which is kept nowhere. */
  begin(): Promise<string>;
  /** Stores how the login ended. `false` when the session is unknown, expired or already settled. */
  settle(secret: string, result: Exclude<LoginState, { state: "pending" }>): Promise<boolean>;
  /** The state of the session. A result is returned once, and the session is then gone. */
  complete(secret: string): Promise<LoginState>;
};

const EXPIRED: LoginState = { state: "failed", reason: "expired" };

/**
 * Login sessions over an object store, under the hash of their secret.
 *
 * @example
 * const secret = await sessions.begin();
 * await sessions.settle(secret, { state: "identity", name: "alice" });
 * await sessions.complete(secret); // { state: "identity", name: "alice" }, once
 */
export function createSessions({
  store,
  clock,
  ids,
}: {
  readonly store: ObjectStore;
  readonly clock: Pick<Clock, "now">;
  readonly ids: Pick<Ids, "secret">;
}): Sessions {
  const find = async (key: string) => {
    const found = await store.get(key);
    if (!found?.modifiedSince) return undefined;
    const { expires, result } = StoredSession.parse(JSON.parse(Buffer.from(found.bytes).toString("utf8")));
    return expires > clock.now().getTime() ? { expires, result, etag: found.etag } : undefined;
  };
  const write = (key: string, session: z.infer<typeof StoredSession>, ifMatch?: string) =>
    store.put(key, Buffer.from(JSON.stringify(session)), {
      condition: ifMatch === undefined ? { ifNoneMatch: "*" } : { ifMatch },
      contentType: "application/json",
    });
  return {
    async begin() {
      const secret = ids.secret();
      const session = { expires: clock.now().getTime() + SESSION_MS, result: { state: "pending" as const } };
      const written = await write(sessionKey(hashToken(secret)), session);
      if (!written.ok) throw new StoreUnavailable("the login session could not be stored");
      return secret;
    },
    async settle(secret, result) {
      const key = sessionKey(hashToken(secret));
      const found = await find(key);
      if (found?.result.state !== "pending") return false;
      return (await write(key, { expires: found.expires, result }, found.etag)).ok;
    },
    async complete(secret) {
      const key = sessionKey(hashToken(secret));
      const found = await find(key);
      if (!found) return EXPIRED;
      if (found.result.state === "pending") return { state: "pending" };
      // Of two who complete it at a time, one deletes it and gets the result.
      const deleted = await store.delete(key, { ifMatch: found.etag });
      return deleted.ok ? found.result : EXPIRED;
    },
  };
}
