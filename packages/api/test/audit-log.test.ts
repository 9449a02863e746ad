import { createAuditLog, LAYOUT, type AuditEntry } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { codeAt } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { publishBody, startApp, type Harness } from "./harness.ts";

const PASSWORD = "a long password";
let registry: Harness;
let bob: string;
const send = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  token: string | null = bob,
) =>
  registry.app.request(`http://registry.test${path}`, {
    method,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const login = (password = PASSWORD) => send("PUT", "/-/user/org.couchdb.user:bob", { name: "bob", password }, {}, null);
const entries = async (): Promise<readonly AuditEntry[]> =>
  (await createAuditLog({ ...registry, ids: systemIds }).query()).entries;
beforeEach(async () => {
  registry = await startApp({ address: "192.0.2.1", settings: { admins: ["alice"] } });
  bob = ((await (await login()).json()) as { token: string }).token;
});
afterEach(() => registry[Symbol.asyncDispose]());

test("a sign-in is kept with who and from where; a refused one with its path, which has the name", async () => {
  await login("a wrong password");
  expect(await entries()).toMatchObject([
    { kind: "sign-in", who: "bob", address: "192.0.2.1" },
    { kind: "refusal", what: "PUT /-/user/org.couchdb.user:bob was answered with 401", address: "192.0.2.1" },
  ]);
});
test("a refusal is kept, and logged, with identity, address and rule", async () => {
  await send("GET", "/-/access");
  const rule = "only administrators operate the registry";
  expect((await entries()).at(-1)).toMatchObject({ kind: "refusal", who: "bob", address: "192.0.2.1", rule });
  expect(registry.logged.at(-1)).toMatchObject({ user: "bob", address: "192.0.2.1", rule });
});
test("a refused read is logged and not kept: reading never writes", async () => {
  const before = (await entries()).length;
  expect((await send("GET", "/wire", undefined, {}, "cbx_unknown")).status).toBe(401);
  expect(await entries()).toHaveLength(before);
  expect(registry.logged.at(-1)).toMatchObject({ status: 401, address: "192.0.2.1" });
});
test("being asked for a one-time password is no refusal", async () => {
  const { tfa } = (await (
    await send("POST", "/-/npm/v1/user", { tfa: { password: PASSWORD, mode: "auth-and-writes" } })
  ).json()) as { tfa: string };
  // oxlint-disable-next-line no-restricted-globals -- the app's clock is the machine's
  await send("POST", "/-/npm/v1/user", { tfa: [codeAt(tfa, new Date())] });
  const before = (await entries()).length;
  expect((await send("PUT", "/wire", publishBody("wire", "1.0.0"))).status).toBe(401);
  expect(await entries()).toHaveLength(before);
  await send("PUT", "/wire", publishBody("wire", "1.0.0"), { "npm-otp": "000000" });
  expect((await entries()).at(-1)).toMatchObject({ kind: "refusal", who: "bob" });
});
test("tokens, rights, trust rules, passwords and second factors are kept, and no secret is", async () => {
  await send("PUT", "/wire", publishBody("wire", "1.0.0"));
  const made = await send("POST", "/-/npm/v1/tokens", { password: PASSWORD, name: "ci" });
  const { token, key } = (await made.json()) as { token: string; key: string };
  await send("DELETE", `/-/npm/v1/tokens/token/${key}`);
  await send("DELETE", `/-/user/token/${token}`);
  await send("POST", "/-/package/wire/access", { access: "restricted" });
  const claims = { repository: "acme/wire", workflow_ref: { file: "release.yml" } };
  await send("POST", "/-/package/wire/trust", [{ type: "github", claims, permissions: ["createPackage"] }]);
  const chosen = "another long password";
  await send("POST", "/-/npm/v1/user", { password: { old: PASSWORD, new: chosen } });
  const { tfa } = (await (
    await send("POST", "/-/npm/v1/user", { tfa: { password: chosen, mode: "auth-only" } })
  ).json()) as { tfa: string };
  // oxlint-disable-next-line no-restricted-globals -- the app's clock is the machine's
  const code = codeAt(tfa, new Date());
  const recovery = ((await (await send("POST", "/-/npm/v1/user", { tfa: [code] })).json()) as { tfa: string[] }).tfa;
  await send("POST", "/-/npm/v1/tokens", { password: chosen }, { "npm-otp": recovery[0] ?? "" });
  const kept = await entries();
  const kinds = kept.map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(["sign-in", "token", "rights", "trust", "user", "second-factor"]));
  expect(kept).toMatchObject(kept.map(() => ({ at: expect.stringMatching(/Z$/) as string })));
  expect(kept.find(({ kind }) => kind === "trust")).toMatchObject({ who: "bob", package: "wire" });
  const secrets = [
    bob,
    token,
    registry.alice,
    PASSWORD,
    chosen,
    code,
    ...recovery,
    /secret=(\w+)/i.exec(tfa)?.[1] ?? "?",
  ];
  for (const { key: at } of (await registry.store.list(LAYOUT.audit.prefix)).objects) {
    const found = await registry.store.get(at);
    const text = `${at}${found?.notModified === false ? Buffer.from(found.bytes).toString() : ""}`;
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
});
