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
    const limits = { packages: ["wire"], scopes: ["@acme"], cidr: ["10.0.0.0/8"] };
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
    expect(await fixture.identities.find("alice")).toEqual({ name: "alice", email: "alice@example.com" });
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
  test("where registration is closed, an unknown name is refused", async () => {
    await using fixture = await open("closed");
    expect(await fixture.identities.login(alice)).toEqual({ ok: false, reason: "registration_closed" });
    expect(await fixture.identities.find("alice")).toBeUndefined();
  });
}
