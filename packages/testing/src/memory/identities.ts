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
  const users = new Map<string, { readonly password: string; readonly profile: Profile }>();
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
    async find(name) {
      const known = users.get(name);
      if (known) return known.profile;
      return (await tokens.list(name)).length > 0 ? { name, email: "" } : undefined;
    },
  };
}
