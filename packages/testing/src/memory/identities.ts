import { PASSWORD_MIN, type IdentityProvider, type Profile, type TokenStore } from "@codebox/core";

export type MemoryIdentitySettings = {
  readonly registration: "open" | "closed";
  /** Names that nobody can register. */
  readonly reserved: readonly string[];
  /** Names that ever held a token: nobody can register them, also when the tokens are revoked. */
  readonly holders: ReadonlySet<string>;
};

/** The `IdentityProvider` port over a map. Passwords are kept as they are: for tests only. */
export function createMemoryIdentities(tokens: TokenStore, settings: MemoryIdentitySettings): IdentityProvider {
  const users = new Map<string, { readonly password: string | undefined; readonly profile: Profile }>();
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const isTaken = (name: string) =>
    [...settings.reserved, ...settings.holders, ...users.keys()].some((taken) => same(taken, name));
  const verify: IdentityProvider["verify"] = async ({ name, password }) => {
    const known = users.get(name);
    if (!known) return { ok: false, reason: "no_password" };
    return known.password === password ? { ok: true, profile: known.profile } : { ok: false, reason: "wrong_password" };
  };
  return {
    verify,
    async login({ name, password, email = "", mayRegister = true }) {
      if (isTaken(name) || users.has(name)) return verify({ name, password });
      if (settings.registration === "closed" || !mayRegister) return { ok: false, reason: "registration_closed" };
      if (password.length < PASSWORD_MIN) return { ok: false, reason: "weak_password" };
      users.set(name, { password, profile: { name, email } });
      return { ok: true, profile: { name, email } };
    },
    async changePassword({ name, old, new: chosen }) {
      const verified = await verify({ name, password: old });
      if (!verified.ok) return verified;
      // Looked at again where nothing can come between.
      if (users.get(name)?.password !== old) return { ok: false, reason: "wrong_password" };
      users.set(name, { password: chosen, profile: verified.profile });
      return verified;
    },
    async changeProfile({ name, ...fields }) {
      const known = users.get(name);
      if (known) users.set(name, { ...known, profile: withoutEmpty({ ...known.profile, ...fields }) });
      return known !== undefined;
    },
    async setPassword({ name, password, email = "" }) {
      const others = [...settings.holders, ...users.keys()];
      if (!users.has(name) && others.some((other) => other !== name && same(other, name))) return false;
      users.set(name, { password, profile: users.get(name)?.profile ?? { name, email } });
      return true;
    },
    async endPassword(name) {
      const known = users.get(name);
      if (known) users.set(name, { ...known, password: undefined });
      return known !== undefined;
    },
    async list() {
      const names = new Set([...users.keys(), ...settings.holders]);
      return { users: [...names].toSorted().map((name) => users.get(name)?.profile ?? { name, email: "" }) };
    },
    async find(name) {
      const known = users.get(name);
      if (known) return known.profile;
      return (await tokens.list(name)).length > 0 ? { name, email: "" } : undefined;
    },
  };
}

function withoutEmpty({ fullname, ...profile }: Profile): Profile {
  return fullname === undefined || fullname === "" ? profile : { ...profile, fullname };
}
