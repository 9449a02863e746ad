import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { makeToken, pathOf, tagPath, type Registry } from "../registry.ts";
import { skip } from "../skip.ts";

const TOKENS = "/-/npm/v1/tokens";
/** Networks of no machine. Source: RFC 5737 and RFC 3849. */
const NOWHERE = ["192.0.2.0/24", "2001:db8::/32"];

/** The limits of tokens, and what administrators do with everybody's. */
export const tokenLimitChecks: readonly Check[] = [
  check("AUT-10 AUT-43", "a token is answered with its limits", async (registry) => {
    const { token, password } = await registry.account();
    const body = { password, expires: 1, packages: ["wire"], scopes: ["@acme"], cidr_whitelist: ["::/0", "0.0.0.0/0"] };
    const { json } = expectStatus(await registry.send("POST", TOKENS, { token, body }), 200, 201);
    assert.deepEqual(at(json, "packages"), ["wire"]);
    assert.deepEqual(at(json, "scopes"), ["@acme"]);
    assert.deepEqual(at(json, "cidr_whitelist"), ["::/0", "0.0.0.0/0"]);
    const lifetime = Date.parse(stringAt(json, "expires")) - Date.parse(stringAt(json, "created"));
    assert.equal(lifetime, 86_400_000);
    expectStatus(await registry.get("/-/whoami", { token: stringAt(json, "token") }), 200);
  }),
  check("AUT-40", "a token for one package changes no other", async (registry) => {
    const { token, password } = await registry.account();
    const [name, other] = [registry.name("limited"), registry.name("other")];
    const limited = await makeToken(registry, token, { password, packages: [name] });
    expectStatus(await registry.publish(name, "1.0.0", { token: limited }), 200, 201);
    expectCode(await registry.publish(other, "1.0.0", { token: limited }), 403, "forbidden");
    const scoped = await makeToken(registry, token, { password, scopes: [name.slice(0, name.indexOf("/"))] });
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { token: scoped, body: "1.0.0" }), 200);
  }),
  check("AUT-41", "a stage-only or read-only token, and one with no access, change no package", async (registry) => {
    const { token, password } = await registry.account();
    const name = registry.name("staged");
    expectStatus(await registry.publish(name, "1.0.0", { token }), 200, 201);
    for (const permission of ["read-write-stage-only", "no-access", "read-only"]) {
      const limited = await makeToken(registry, token, { password, packages_and_scopes_permission: permission });
      expectCode(await registry.publish(name, "1.1.0", { token: limited }), 403, "forbidden");
      expectCode(
        await registry.send("PUT", tagPath(name, "next"), { token: limited, body: "1.0.0" }),
        403,
        "forbidden",
      );
    }
    const { json } = await registry.get(tagPath(name));
    assert.deepEqual(json, { latest: "1.0.0" });
  }),
  check("AUT-42", "a token is refused from an address that is not in its networks", async (registry) => {
    const { token, password } = await registry.account();
    const limited = await makeToken(registry, token, { password, cidr_whitelist: NOWHERE });
    expectCode(await registry.get("/-/whoami", { token: limited }), 403, "forbidden");
    const headers = { "x-forwarded-for": "192.0.2.1" };
    expectCode(await registry.get("/-/whoami", { token: limited, headers }), 403, "forbidden");
  }),
  check("AUT-44", "the list has the day of a token's last use", async (registry) => {
    const { token } = await registry.account();
    const name = await registry.package("used", "1.0.0");
    expectStatus(await registry.get(pathOf(name), { token }), 200);
    // The first list records the use. It is shown soon afterwards: nothing waits until the record is durable.
    const days = async () => {
      const { json } = expectStatus(await registry.get(TOKENS, { token }), 200);
      return listAt(json, "objects").map((one) => at(one, "last_used"));
    };
    for (let turn = 0; turn < 50 && typeof (await days())[0] !== "string"; turn++) await sleep(100);
    assert.match(String((await days())[0]), /^\d{4}-\d\d-\d\d$/);
  }),
  check("AUT-45 AUT-46", "an administrator lists and revokes another user's token", async (registry) => {
    await requireAdministrator(registry);
    const { name, token } = await registry.account();
    const path = `/-/tokens?user=${encodeURIComponent(name)}`;
    const listed = expectStatus(await registry.get(path), 200);
    assert.ok(!listed.bytes.includes(token), "the list has the token itself");
    const hash = stringAt(listAt(listed.json, "tokens")[0], "hash");
    expectStatus(await registry.send("DELETE", `/-/tokens/${hash}`), 200);
    expectCode(await registry.get("/-/whoami", { token }), 401, "unauthenticated");
  }),
  check("AUT-47", "nobody else lists or revokes everybody's tokens", async (registry) => {
    await requireAdministrator(registry);
    const token = await registry.secondToken();
    expectCode(await registry.get("/-/tokens", { token }), 403, "forbidden");
    expectCode(await registry.send("DELETE", `/-/tokens/${"0".repeat(64)}`, { token }), 403, "forbidden");
    expectCode(await registry.get("/-/tokens", { token: null }), 401, "unauthenticated");
  }),
];

async function requireAdministrator(registry: Registry): Promise<void> {
  const { status } = await registry.get("/-/tokens");
  if (status !== 200) skip("the registry's token is not an administrator's, or this registry has no such routes");
}
