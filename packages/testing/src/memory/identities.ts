import { PASSWORD_MIN, type IdentityProvider, type Profile, type TokenStore } from "@codebox/core";

export type MemoryIdentitySettings = {
  readonly registration: "open" | "closed";
  /** Names that nobody can register. */
  readonly reserved: readonly string[];
};

/** The `IdentityProvider` port over a map. Passwords are kept as they are: for tests only. */
export function createMemoryIdentities(tokens: TokenStore, settings: MemoryIdentitySettings): IdentityProvider {
  const users = new Map<string, { readonly password: string; readonly profile: Profile }>();
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const isTaken = async (name: string) =>
    [...settings.reserved, ...users.keys()].some((taken) => same(taken, name)) || (await tokens.list(name)).length > 0;
  const verify: IdentityProvider["verify"] = async ({ name, password }) => {
    const known = users.get(name);
    if (!known) return { ok: false, reason: "no_password" };
    return known.password === password ? { ok: true, profile: known.profile } : { ok: false, reason: "wrong_password" };
  };
  return {
    verify,
    async login({ name, password, email = "", mayRegister = true }) {
      // `users` is looked at last: nothing can come between that and the registration.
      if ((await isTaken(name)) || users.has(name)) return verify({ name, password });
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
    async changeEmail({ name, email }) {
      const known = users.get(name);
      if (known) users.set(name, { ...known, profile: { name, email } });
      return known !== undefined;
    },
    async find(name) {
      const known = users.get(name);
      if (known) return known.profile;
      return (await tokens.list(name)).length > 0 ? { name, email: "" } : undefined;
    },
  };
}
