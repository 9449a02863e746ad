import assert from "node:assert/strict";
import { at, expectCode, expectStatus, type Answer } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { skip } from "../skip.ts";
import { makeToken, userPath, type Registry } from "../registry.ts";

const PROFILE = "/-/npm/v1/user";
const FIELDS = [
  "cidr_whitelist", "created", "email", "email_verified", "fullname", "github", "homepage", "name", "tfa", "updated",
]; // prettier-ignore

const set = (registry: Registry, token: string, body: object) => registry.send("POST", PROFILE, { token, body });

function basic(registry: Registry, name: string, secret: string): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
  return registry.get("/-/whoami", { token: null, headers: { authorization } });
}

/** Basic authentication, and the caller's profile. */
export const profileChecks: readonly Check[] = [
  check(
    "AUT-30",
    "a name and a token, and a name and a password, are taken as Basic authentication",
    async (registry) => {
      const user = await registry.user();
      const byToken = await basic(registry, user, registry.target.token);
      if (String(at(byToken.json, "error")).includes("over https only"))
        skip("the suite reaches the registry over http");
      assert.equal(at(expectStatus(byToken, 200).json, "username"), user);
      expectStatus(await basic(registry, `${user}x`, registry.target.token), 401);
      const { name, password } = await registry.account();
      assert.equal(at(expectStatus(await basic(registry, name, password), 200).json, "username"), name);
      expectCode(await basic(registry, name, "another password"), 401, "unauthenticated");
    },
  ),
  check("AUT-33", "a profile has the fields that npm prints", async (registry) => {
    const { json } = expectStatus(await registry.get(PROFILE), 200);
    assert.deepEqual(Object.keys(json as object).toSorted(), FIELDS);
    assert.equal(at(json, "name"), await registry.user());
  }),
  check(
    "AUT-34 AUT-35",
    "a password is changed with the old one, and the user's other tokens end",
    async (registry) => {
      const { name, password, token } = await registry.account();
      const other = await makeToken(registry, token, { password });
      const chosen = registry.word("another long password");
      const wrong = await set(registry, token, { password: { old: "a wrong password", new: chosen } });
      if (wrong.status === 403) skip("this registry does not change passwords");
      expectCode(wrong, 401, "unauthenticated");
      expectStatus(await set(registry, token, { password: { old: password, new: chosen } }), 200);
      expectStatus(await registry.get("/-/whoami", { token: other }), 401);
      expectStatus(await registry.get("/-/whoami", { token }), 200);
      const signIn = (secret: string) =>
        registry.send("PUT", userPath(name), { token: null, body: { name, password: secret } });
      expectStatus(await signIn(chosen), 200, 201);
      expectStatus(await signIn(password), 401);
    },
  ),
  check("AUT-36 AUT-37", "the e-mail address is kept; what is not kept is refused", async (registry) => {
    const { token } = await registry.account();
    const email = `${registry.word("mail")}@example.com`;
    const changed = await set(registry, token, { email });
    if (changed.status === 403) skip("this registry keeps no e-mail addresses");
    assert.equal(at(expectStatus(changed, 200).json, "email"), email);
    expectCode(await set(registry, token, { email, github: "somebody" }), 400, "invalid");
    assert.equal(at(expectStatus(await registry.get(PROFILE, { token }), 200).json, "email"), email);
    expectStatus(await set(registry, token, { email: null }), 200);
    assert.notEqual(at(expectStatus(await registry.get(PROFILE, { token }), 200).json, "email"), email);
  }),
];
