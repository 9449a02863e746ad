import assert from "node:assert/strict";
import { expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { pathOf } from "../registry.ts";

const RULE = {
  type: "github",
  claims: { repository: "acme/wire", workflow_ref: { file: "release.yml" } },
  permissions: ["createPackage"],
};
const trustPath = (name: string) => `/-/package${pathOf(name)}/trust`;
const exchangePath = (name: string) => `/-/npm/v1/oidc/token/exchange/package${pathOf(name)}`;
/** A JSON Web Token of an issuer that no registry trusts, without a signature. */
const idToken = [
  { alg: "RS256", kid: "1" },
  { iss: "https://issuer.invalid", sub: "job" },
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .join(".")
  .concat(".AAAA");

/** Tokens for CI jobs. */
export const trustChecks: readonly Check[] = [
  check("TRU-1 TRU-3 TRU-5", "a trust rule is made, listed and revoked", async (registry) => {
    const path = trustPath(await registry.package("trusting", "1.0.0"));
    const made = expectStatus(await registry.send("POST", path, { body: [RULE] }), 201);
    const id = stringAt(made.json, 0, "id");
    const [listed] = listAt(expectStatus(await registry.get(path), 200).json);
    assert.equal(stringAt(listed, "id"), id);
    assert.deepEqual(listAt(listed, "permissions"), RULE.permissions);
    expectStatus(await registry.send("DELETE", `${path}/${id}`), 200, 204);
    assert.deepEqual((await registry.get(path)).json, []);
    expectCode(await registry.send("DELETE", `${path}/${id}`), 404, "not_found");
  }),
  check("TRU-2", "a trust rule that names no workflow is refused", async (registry) => {
    const path = trustPath(await registry.package("trusts-all", "1.0.0"));
    const rule = { ...RULE, claims: { repository: "acme/wire" } };
    expectCode(await registry.send("POST", path, { body: [rule] }), 400, "invalid");
  }),
  check("TRU-4", "a read-only token makes no trust rule", async (registry) => {
    const path = trustPath(await registry.package("trust-right", "1.0.0"));
    const token = await registry.readToken();
    expectCode(await registry.send("POST", path, { body: [RULE], token }), 403, "forbidden");
    expectStatus(await registry.get(path, { token: null }), 401);
  }),
  check("TRU-7 TRU-8", "an ID token of an unknown issuer is exchanged for nothing", async (registry) => {
    const name = await registry.package("exchanging", "1.0.0");
    expectCode(await registry.send("POST", exchangePath(name), { token: idToken }), 401, "unauthenticated");
    expectStatus(await registry.send("POST", exchangePath(name), { token: null }), 401);
  }),
];
