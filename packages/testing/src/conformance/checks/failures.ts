import assert from "node:assert/strict";
import { at, expectCode, expectStatus, header, type Answer } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { skip } from "../skip.ts";
import { pathOf, tagPath, userPath, type Registry } from "../registry.ts";

/** Status and code of each failure that any registry can be brought to. */
type Failure = readonly [status: number, code: string, send: (registry: Registry, name: string) => Promise<Answer>];

const FAILURES: readonly Failure[] = [
  [400, "invalid", (registry, name) => registry.send("PUT", tagPath(name, "1.x"), { body: "1.0.0" })],
  [401, "unauthenticated", (registry, name) => registry.send("DELETE", tagPath(name, "next"), { token: null })],
  [403, "forbidden", (registry, name) => registry.send("DELETE", tagPath(name, "latest"))],
  [404, "not_found", (registry, name) => registry.send("PUT", tagPath(name, "next"), { body: "9.9.9" })],
  [405, "method_not_allowed", (registry, name) => registry.send("PATCH", tagPath(name))],
  [409, "version_exists", (registry, name) => registry.publish(name, "1.0.0")],
  [409, "conflict", (registry, name) => registry.send("DELETE", `${pathOf(name)}/-rev/1-0`)],
  [412, "precondition_failed", staleTag],
  [422, "tarball_missing", (registry, name) => registry.send("PUT", pathOf(name), { body: withoutTarball(name) })],
];

function staleTag(registry: Registry, name: string): Promise<Answer> {
  return registry.send("PUT", tagPath(name, "next"), { body: "1.0.0", headers: { "if-match": '"another"' } });
}

function withoutTarball(name: string) {
  return { _id: name, name, versions: { "9.9.9": { name, version: "9.9.9" } } };
}

export const failureChecks: readonly Check[] = [
  ...FAILURES.map(([status, code, send]) =>
    check("ERR-1 ERR-2 ERR-6", `${code} is ${status}, and says what is wrong`, async (registry) => {
      const name = await registry.package("failure", "1.0.0", "1.1.0");
      const answer = await send(registry, name);
      expectCode(answer, status, code);
      assert.equal(at(answer.json, "ok"), false);
      assert.ok(at(answer.json, "error"), "the answer has no error");
      assert.equal(at(answer.json, "message"), at(answer.json, "error"));
    }),
  ),
  check("ERR-3", "a 401 asks for a bearer token", async (registry) => {
    const answer = await registry.get("/-/whoami", { token: null });
    assert.match(header(expectStatus(answer, 401), "www-authenticate"), /^Bearer\b/);
  }),
  check("ERR-3", "a 401 for a refused sign-in asks for a password", async (registry) => {
    const body = { name: registry.word("nobody"), password: "a wrong password" };
    const answer = await registry.send("PUT", userPath(body.name), {
      token: null,
      body,
      headers: { via: "1.1 proxy" },
    });
    if (answer.status === 403) skip("this registry does not sign in with passwords");
    assert.match(header(expectStatus(answer, 401), "www-authenticate"), /^Basic\b/);
  }),
  check("ERR-8", "answers forbid guessing their type, and caching what is about the caller", async (registry) => {
    for (const path of ["/-/ping", "/-/whoami", pathOf(registry.name("nobody"))])
      assert.equal(header(await registry.get(path), "x-content-type-options"), "nosniff");
    assert.equal(header(await registry.get("/-/whoami"), "cache-control"), "no-store");
  }),
  check("ERR-4", "a 405 names the methods of the path", async (registry) => {
    const answer = await registry.send("PATCH", tagPath(registry.name("nobody")));
    const allow = header(expectStatus(answer, 405), "allow").split(/,\s*/);
    assert.ok(allow.includes("PUT") && !allow.includes("PATCH"), `allow is ${allow.join(", ")}`);
  }),
];
