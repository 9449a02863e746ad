import { expect, test } from "vitest";
import { hashToken, type IdentityProvider, type TokenStore } from "@codebox/core";

const record = (token: string, user: string) => ({
  hash: hashToken(token),
  user,
  readonly: false,
  label: "laptop",
  created: "2026-01-01T00:00:00.000Z",
});

export function tokenStoreContract(open: () => Promise<AsyncDisposable & { readonly tokens: TokenStore }>): void {
  test("a token is found by its hash, and by nothing else", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("secret", "alice"));
    expect(await fixture.tokens.find(hashToken("secret"))).toEqual(record("secret", "alice"));
    expect(await fixture.tokens.find("secret")).toBeUndefined();
  });
  test("a token keeps its expiry and its limits", async () => {
    await using fixture = await open();
    const limits = {
      packages: ["wire"],
      scopes: ["@acme"],
      cidr: ["10.0.0.0/8"],
      stageOnly: true,
      noPackages: true,
      description: "of a machine",
    };
    const limited = { ...record("secret", "alice"), expires: "2027-01-01T00:00:00.000Z", ...limits };
    await fixture.tokens.put(limited);
    expect(await fixture.tokens.find(hashToken("secret"))).toEqual(limited);
  });
  test("a store is empty until it holds a token", async () => {
    await using fixture = await open();
    expect(await fixture.tokens.isEmpty()).toBe(true);
    await fixture.tokens.put(record("secret", "alice"));
    expect(await fixture.tokens.isEmpty()).toBe(false);
  });
  test("a user's tokens are listed, nobody else's", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("one", "alice"));
    await fixture.tokens.put(record("two", "bob"));
    expect((await fixture.tokens.list("alice")).map(({ hash }) => hash)).toEqual([hashToken("one")]);
  });
  test("a removed token is gone, and removing it again says so", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("one", "alice"));
    expect(await fixture.tokens.remove(hashToken("one"))).toBe(true);
    expect(await fixture.tokens.find(hashToken("one"))).toBeUndefined();
    expect(await fixture.tokens.remove(hashToken("one"))).toBe(false);
  });
}

/** For every token store: everybody's tokens, and their last use. */
export function tokenListContract(open: () => Promise<AsyncDisposable & { readonly tokens: TokenStore }>): void {
  test("everybody's tokens are listed in pages, each once; a prefix of the hash chooses among them", async () => {
    await using fixture = await open();
    const hashes = ["one", "two", "three"].map(hashToken).toSorted();
    for (const [index, name] of ["one", "two", "three"].entries())
      await fixture.tokens.put(record(name, `user-${index}`));
    const found: string[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await fixture.tokens.page(cursor === undefined ? {} : { cursor });
      found.push(...page.tokens.map(({ hash }) => hash));
      cursor = page.cursor;
    }
    expect(found).toEqual(hashes);
    const { tokens } = await fixture.tokens.page({ prefix: hashToken("two").slice(0, 12) });
    expect(tokens).toMatchObject([{ hash: hashToken("two"), user: "user-1" }]);
    expect((await fixture.tokens.page({ prefix: "users" })).tokens).toEqual([]);
  });
  test("a token's last use is listed with it", async () => {
    await using fixture = await open();
    const hash = hashToken("one");
    await fixture.tokens.put(record("one", "alice"));
    expect(await fixture.tokens.list("alice")).toEqual([record("one", "alice")]);
    await fixture.tokens.used(hash, "2026-11-25");
    const listed = [{ ...record("one", "alice"), lastUsed: "2026-11-25" }];
    expect(await fixture.tokens.list("alice")).toEqual(listed);
    expect((await fixture.tokens.page()).tokens).toEqual(listed);
  });
  test("a use that is recorded after the removal does not bring the token back", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("one", "alice"));
    await fixture.tokens.remove(hashToken("one"));
    await fixture.tokens.used(hashToken("one"), "2026-11-25");
    expect(await fixture.tokens.find(hashToken("one"))).toBeUndefined();
    expect((await fixture.tokens.page()).tokens).toEqual([]);
  });
}

/** For every provider: who holds a token is somebody, and no password makes anybody of that name. */
export function identityContract(
  open: () => Promise<AsyncDisposable & { readonly identities: IdentityProvider; readonly tokens: TokenStore }>,
): void {
  const credentials = { name: "admin", password: "a long password" };
  test("the holder of a token is a user, and nobody else is", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("secret", "admin"));
    expect(await fixture.identities.find("admin")).toEqual({ name: "admin", email: "" });
    expect(await fixture.identities.find("nobody")).toBeUndefined();
  });
  test("a name that holds a token and has no password can't be taken by signing in", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("secret", "admin"));
    expect(await fixture.identities.login(credentials)).toMatchObject({ ok: false });
    expect(await fixture.identities.verify(credentials)).toMatchObject({ ok: false });
  });
  test("a name whose tokens are all revoked can't be taken by signing in, in any capitals", async () => {
    await using fixture = await open();
    await fixture.tokens.put(record("secret", "carol"));
    await fixture.tokens.remove(hashToken("secret"));
    for (const name of ["carol", "Carol"])
      expect(await fixture.identities.login({ ...credentials, name })).toMatchObject({ ok: false });
  });
  test("verifying a password makes no user", async () => {
    await using fixture = await open();
    expect(await fixture.identities.verify(credentials)).toMatchObject({ ok: false });
    expect(await fixture.identities.find("admin")).toBeUndefined();
  });
}

/** For providers with passwords of their own. */
export function passwordIdentityContract(
  open: (registration: "open" | "closed") => Promise<AsyncDisposable & { readonly identities: IdentityProvider }>,
): void {
  const alice = { name: "alice", password: "a long password", email: "alice@example.com" };
  test("where registration is open, the first login makes the user", async () => {
    await using fixture = await open("open");
    expect(await fixture.identities.login(alice)).toEqual({
      ok: true,
      profile: { name: "alice", email: "alice@example.com" },
    });
    expect(await fixture.identities.find("alice")).toMatchObject({ name: "alice", email: "alice@example.com" });
  });
  test("a wrong password is refused, and changes nothing", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    expect(await fixture.identities.login({ ...alice, password: "another" })).toEqual({
      ok: false,
      reason: "wrong_password",
    });
    expect(await fixture.identities.login(alice)).toMatchObject({ ok: true });
  });
  test("verifying accepts the right password and refuses a wrong one", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    expect(await fixture.identities.verify(alice)).toMatchObject({ ok: true, profile: { name: "alice" } });
    const wrong = { name: "alice", password: "another" };
    expect(await fixture.identities.verify(wrong)).toEqual({ ok: false, reason: "wrong_password" });
  });
  test("of two first logins under one name with different passwords, one makes the user and the other is refused", async () => {
    await using fixture = await open("open");
    const results = await Promise.all([
      fixture.identities.login(alice),
      fixture.identities.login({ ...alice, password: "another" }),
    ]);
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });
  test("a changed password is the user's from then on, and the old one is not", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    const change = { name: "alice", old: alice.password, new: "another long one" };
    expect(await fixture.identities.changePassword?.(change)).toMatchObject({ ok: true });
    expect(await fixture.identities.verify(alice)).toEqual({ ok: false, reason: "wrong_password" });
    expect(await fixture.identities.verify({ ...alice, password: "another long one" })).toMatchObject({ ok: true });
  });
  test("a password is changed only with the old one, and only of a user who has one", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    const change = { name: "alice", old: "a wrong one", new: "another long one" };
    expect(await fixture.identities.changePassword?.(change)).toEqual({ ok: false, reason: "wrong_password" });
    const nobody = { ...change, name: "nobody" };
    expect(await fixture.identities.changePassword?.(nobody)).toEqual({ ok: false, reason: "no_password" });
    expect(await fixture.identities.verify(alice)).toMatchObject({ ok: true });
  });
  test("of two changes of one password, one wins", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    const change = (chosen: string) =>
      fixture.identities.changePassword?.({ name: "alice", old: alice.password, new: chosen });
    const results = await Promise.all([change("another long one"), change("a third long one")]);
    expect(results.filter((result) => result?.ok)).toHaveLength(1);
  });
  test("a changed e-mail address and name are in the profile; an unknown user has none to change", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    expect(await fixture.identities.changeProfile?.({ name: "alice", email: "new@example.com" })).toBe(true);
    expect(await fixture.identities.changeProfile?.({ name: "alice", fullname: "Alice A." })).toBe(true);
    expect(await fixture.identities.find("alice")).toMatchObject({ email: "new@example.com", fullname: "Alice A." });
    expect(await fixture.identities.changeProfile?.({ name: "nobody", email: "new@example.com" })).toBe(false);
  });
  test("a password can be set for a new name and for a user, also where registration is closed", async () => {
    await using fixture = await open("closed");
    expect(await fixture.identities.setPassword?.(alice)).toBe(true);
    expect(await fixture.identities.login(alice)).toMatchObject({ ok: true });
    expect(await fixture.identities.setPassword?.({ name: "alice", password: "another long one" })).toBe(true);
    expect(await fixture.identities.verify(alice)).toEqual({ ok: false, reason: "wrong_password" });
    expect(await fixture.identities.find("alice")).toMatchObject({ email: "alice@example.com" });
  });
  test("a password is not set for a name that differs from a user's in capitals only", async () => {
    await using fixture = await open("closed");
    await fixture.identities.setPassword?.(alice);
    expect(await fixture.identities.setPassword?.({ ...alice, name: "Alice" })).toBe(false);
    expect(await fixture.identities.find("Alice")).toBeUndefined();
  });
  test("an ended password signs nobody in, and the name stays the user's", async () => {
    await using fixture = await open("open");
    await fixture.identities.login(alice);
    expect(await fixture.identities.endPassword?.("alice")).toBe(true);
    expect(await fixture.identities.login(alice)).toMatchObject({ ok: false });
    expect(await fixture.identities.find("alice")).toMatchObject({ name: "alice" });
    expect(await fixture.identities.endPassword?.("nobody")).toBe(false);
  });
  test("all users are listed in the order of their names", async () => {
    await using fixture = await open("open");
    for (const name of ["carol", "alice"]) await fixture.identities.login({ ...alice, name });
    const page = await fixture.identities.list?.();
    expect(page?.users.map(({ name }) => name)).toEqual(["alice", "carol"]);
    expect(page?.cursor).toBeUndefined();
  });
  test("where registration is closed, an unknown name is refused", async () => {
    await using fixture = await open("closed");
    expect(await fixture.identities.login(alice)).toEqual({ ok: false, reason: "registration_closed" });
    expect(await fixture.identities.find("alice")).toBeUndefined();
  });
}
