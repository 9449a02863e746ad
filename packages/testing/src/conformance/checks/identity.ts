import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { skip } from "../skip.ts";
import { makeToken, pathOf, tagPath, userPath, type Registry } from "../registry.ts";

const TOKENS = "/-/npm/v1/tokens";
const whoami = (registry: Registry, token: string) => registry.get("/-/whoami", { token });

async function expectRevoked(registry: Registry, token: string): Promise<void> {
  expectStatus(await whoami(registry, token), 401);
}

const wrongToken = (registry: Registry) => `${registry.target.token.slice(0, 4)}${registry.word("wrong")}`;

/** Who makes a request. */
export const identityChecks: readonly Check[] = [
  check("AUT-1 AUT-8", "a request is made as the token's user", async (registry) => {
    const user = await registry.user();
    const name = await registry.package("actor", "1.0.0");
    const history = await registry.get(`/-/package${pathOf(name)}/history`);
    assert.equal(at(history.json, "history", 0, "by"), user);
    expectStatus(await registry.get("/-/whoami", { token: null }), 401);
  }),
  check("AUT-2", "a token that is not valid is 401 for every read and change", async (registry) => {
    const name = await registry.package("wrong-token", "1.0.0");
    const token = wrongToken(registry);
    expectCode(await registry.get(pathOf(name), { token }), 401, "unauthenticated");
    expectCode(await registry.get("/-/ping", { token }), 401, "unauthenticated");
    const put = await registry.send("PUT", tagPath(name, "next"), { token, body: "1.0.0" });
    expectCode(put, 401, "unauthenticated");
  }),
  check(
    "AUT-3 AUT-4",
    "signing in answers a token that works, also with an invalid token in the request",
    async (registry) => {
      const { name, password } = await registry.account();
      const options = { token: wrongToken(registry), body: { name, password } };
      const { json } = expectStatus(await registry.send("PUT", userPath(name), options), 200, 201);
      assert.equal(at(json, "ok"), true);
      assert.equal(at(json, "id"), `org.couchdb.user:${name}`);
      assert.deepEqual((await whoami(registry, stringAt(json, "token"))).json, { username: name });
      const wrong = { token: null, body: { name, password: "another password" } };
      expectCode(await registry.send("PUT", userPath(name), wrong), 401, "unauthenticated");
    },
  ),
  check("AUT-4", "a sign-in through a proxy makes no account", async (registry) => {
    await registry.account();
    const [name, password] = [registry.word("proxied"), "a long password"];
    const options = { token: null, body: { name, password }, headers: { via: "1.1 proxy" } };
    expectStatus(await registry.send("PUT", userPath(name), options), 401);
    expectStatus(await registry.get(userPath(name)), 404);
  }),
  check("AUT-5", "a refused sign-in is the same 401, whether the name exists or not", async (registry) => {
    const signIn = (name: string) => {
      const options = { token: null, body: { name, password: "a wrong password" }, headers: { via: "1.1 proxy" } };
      return registry.send("PUT", userPath(name), options);
    };
    const known = await signIn(await registry.user());
    if (known.status === 403) skip("this registry does not sign in with passwords");
    expectCode(known, 401, "unauthenticated");
    assert.deepEqual((await signIn(registry.word("nobody"))).json, known.json);
  }),
  check("AUT-6", "a profile has its user's name", async (registry) => {
    const name = await registry.user();
    assert.equal(at(expectStatus(await registry.get(userPath(name)), 200).json, "name"), name);
    expectCode(await registry.get(userPath(registry.word("nobody"))), 404, "not_found");
  }),
];

/** Tokens: made, listed and revoked. */
export const tokenChecks: readonly Check[] = [
  check("AUT-7", "signing out revokes the token, and no other", async (registry) => {
    const { token, password } = await registry.account();
    const other = await makeToken(registry, token, { password });
    expectStatus(await registry.send("DELETE", `/-/user/token/${other}`, { token }), 200, 204);
    await expectRevoked(registry, other);
    expectStatus(await whoami(registry, token), 200);
  }),
  check(
    "AUT-32",
    "signing out of a token that is unknown or revoked is answered like signing out",
    async (registry) => {
      const { token, password } = await registry.account();
      const reader = await makeToken(registry, token, { password, readonly: true });
      for (const path of [`/-/user/token/${reader}`, `/-/user/token/${reader}`])
        expectStatus(await registry.send("DELETE", path, { token: reader }), 200);
      expectStatus(await registry.send("DELETE", `/-/user/token/${wrongToken(registry)}`), 200);
      expectStatus(await whoami(registry, token), 200);
    },
  ),
  check("AUT-9 AUT-10 AUT-13", "a token is made, listed and revoked by its key", async (registry) => {
    const { token, password } = await registry.account();
    const body = { password, readonly: true, name: "for a check" };
    const { json } = expectStatus(await registry.send("POST", TOKENS, { token, body }), 200, 201);
    const [made, key] = [stringAt(json, "token"), stringAt(json, "key")];
    const listed = listAt(expectStatus(await registry.get(TOKENS, { token }), 200).json, "objects");
    const found = listed.find((one) => at(one, "key") === key);
    assert.equal(at(found, "readonly"), true);
    assert.ok(!JSON.stringify(listed).includes(made), "the list has the token itself");
    expectStatus(await registry.send("DELETE", `${TOKENS}/token/${key}`, { token }), 200, 204);
    await expectRevoked(registry, made);
  }),
  check("AUT-9", "a user's list has no other user's tokens", async (registry) => {
    const { token } = await registry.account();
    const { json } = expectStatus(await registry.get(TOKENS, { token }), 200);
    assert.equal(listAt(json, "objects").length, 1);
  }),
  check("AUT-9", "a user's list has the token that asks, without its secret", async (registry) => {
    const { json, bytes } = expectStatus(await registry.get(TOKENS), 200);
    assert.ok(listAt(json, "objects").length > 0, "the list is empty");
    assert.ok(!bytes.includes(registry.target.token), "the list has the token itself");
  }),
  check("AUT-11", "a token is not made without its user's password", async (registry) => {
    const { token } = await registry.account();
    const wrong = { token, body: { password: "another password" } };
    expectCode(await registry.send("POST", TOKENS, wrong), 401, "unauthenticated");
  }),
  check("AUT-11", "the token of a user without a password makes no token", async (registry) => {
    const answer = await registry.send("POST", TOKENS, { body: { password: registry.word("a guess") } });
    expectStatus(answer, 401, 403);
  }),
  check("AUT-12", "a limit that is not enforced, or that makes no sense, is refused", async (registry) => {
    const { token, password } = await registry.account();
    const limits = [{ orgs: ["acme"] }, { expires: 0 }, { cidr_whitelist: ["10.1"] }, { packages: ["../wire"] }];
    for (const limit of limits)
      expectCode(await registry.send("POST", TOKENS, { token, body: { password, ...limit } }), 400, "invalid");
  }),
  check("AUT-14", "a read-only token reads, and changes no package", async (registry) => {
    const token = await registry.readToken();
    const name = await registry.package("read-only", "1.0.0");
    expectStatus(await registry.get(pathOf(name), { token }), 200);
    expectCode(await registry.send("PUT", tagPath(name, "next"), { token, body: "1.0.0" }), 403, "forbidden");
    expectCode(await registry.publish(name, "1.1.0", { token }), 403, "forbidden");
    const { json } = await registry.get(tagPath(name));
    assert.deepEqual(json, { latest: "1.0.0" });
  }),
  check("AUT-15 AUT-16", "a read-only token revokes itself, and no other", async (registry) => {
    const { token, password } = await registry.account();
    for (const path of ["/-/user/token/", `${TOKENS}/token/`]) {
      const reader = await makeToken(registry, token, { password, readonly: true });
      expectCode(await registry.send("DELETE", `${path}${token}`, { token: reader }), 403, "forbidden");
      expectStatus(await registry.send("DELETE", `${path}${reader}`, { token: reader }), 200, 204);
      await expectRevoked(registry, reader);
    }
    expectStatus(await whoami(registry, token), 200);
  }),
];
