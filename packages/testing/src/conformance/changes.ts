import assert from "node:assert/strict";
import {
  check,
  eventually,
  expectStatus,
  pathOf,
  Skipped,
  tagsPath,
  type Check,
  type RegistryUnderTest,
} from "./check.ts";

const put = (registry: RegistryUnderTest, name: string, tag: string, version: string, headers = {}, as?: string) =>
  registry.send("PUT", tagsPath(name, tag), version, headers, as);

/** Waits for the outcome of a change. */
async function outcome(registry: RegistryUnderTest, name: string, id: string) {
  return eventually("the outcome", async () => {
    const status = await registry.request(`/-/changes/${encodeURIComponent(id)}?package=${encodeURIComponent(name)}`);
    expectStatus(status, 200);
    return status.json().state === "pending" ? undefined : status.json();
  });
}

/** PROTOCOL.md, "Changes". */
export const changes: readonly Check[] = [
  check(["NAM-1"], "a scoped name is one package in each spelling", async (registry) => {
    const name = await registry.published("names");
    for (const path of [name.replace("/", "%2f"), name.replace("/", "%2F"), name])
      assert.equal((await registry.request(`/${path}`)).json().name, name);
  }),
  check(
    ["CHG-1", "CHG-2", "CHG-8"],
    "an applied change is 200 or 201 with its id, and is read at once on any connection",
    async (registry) => {
      const name = await registry.published("changes");
      const answer = await put(registry, name, "next", "1.0.0");
      expectStatus(answer, 200, 201);
      assert.ok(answer.headers.get("codebox-change"));
      const readers = Array.from({ length: 10 }, () =>
        registry.request(tagsPath(name), { headers: { connection: "close" } }),
      );
      for (const reader of await Promise.all(readers)) assert.equal(reader.json().next, "1.0.0");
    },
  ),
  check(
    ["CHG-3", "CHG-4", "CHG-5", "CHG-9", "CHG-11"],
    "a change that is not waited for is 202 with its status URL, and is applied",
    async (registry) => {
      const name = await registry.published("async");
      const answer = await put(registry, name, "next", "1.0.0", { prefer: "respond-async" });
      expectStatus(answer, 202);
      const location = answer.headers.get("location") ?? "";
      const id = answer.headers.get("codebox-change") ?? "";
      assert.ok(location.includes(encodeURIComponent(id)));
      assert.ok(answer.headers.get("npm-notice")?.includes(location));
      assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
      const found = await outcome(registry, name, id);
      assert.deepEqual({ id: found.id, name: found.name, state: found.state }, { id, name, state: "applied" });
      assert.ok(Number.isInteger(found.sequence) && Number.isInteger(found.revision));
      assert.equal(found["dist-tags"].next, "1.0.0");
      assert.equal((await registry.tags(name))["next"], "1.0.0");
    },
  ),
  check(
    ["CHG-6", "CHG-17"],
    "a refused change changes nothing, and may be sent again under the same key",
    async (registry) => {
      const name = await registry.published("refused");
      const before = await registry.request(pathOf(name));
      const key = { "idempotency-key": `refused-${registry.seed}` };
      expectStatus(await put(registry, name, "next", "9.9.9", key), 404);
      assert.equal((await registry.request(pathOf(name))).text, before.text);
      expectStatus(await registry.publish(name, { version: "9.9.9", tag: "other" }), 200, 201);
      expectStatus(await put(registry, name, "next", "9.9.9", key), 200);
    },
  ),
  check(["CHG-10"], "an unknown change is 404", async (registry) => {
    expectStatus(await registry.request(`/-/changes/unknown-${registry.seed}`), 404);
  }),
  check(
    ["CHG-12"],
    "the changes of a package are applied in the order in which they were accepted",
    async (registry) => {
      const name = await registry.published("order", ["1.0.0", "2.0.0"]);
      const ids: string[] = [];
      for (let turn = 0; turn < 6; turn++) {
        const answer = await put(registry, name, "next", turn % 2 ? "1.0.0" : "2.0.0", { prefer: "respond-async" });
        ids.push(answer.headers.get("codebox-change") ?? "");
      }
      const outcomes = [];
      for (const id of ids) outcomes.push(await outcome(registry, name, id));
      const sequences = outcomes.map(({ sequence }) => sequence as number);
      assert.deepEqual(
        sequences,
        sequences.toSorted((a, b) => a - b),
      );
      assert.equal((await registry.tags(name))["next"], "1.0.0");
    },
  ),
  check(
    ["CHG-13", "CHG-14", "CHG-15", "CHG-16", "CHG-18"],
    "a repeated change is applied once, and answered like the first with today's tags",
    async (registry) => {
      const name = await registry.published("repeat");
      const key = { "idempotency-key": `repeat-${registry.seed}` };
      const first = await put(registry, name, "next", "1.0.0", key);
      await put(registry, name, "other", "1.0.0");
      const again = await put(registry, name, "next", "1.0.0", key);
      assert.equal(again.status, first.status);
      assert.equal(again.headers.get("codebox-change"), first.headers.get("codebox-change"));
      assert.equal(again.json()["dist-tags"].other, "1.0.0");
      const { history } = (await registry.request(`/-/package/${encodeURIComponent(name)}/history`)).json();
      assert.equal(history.filter(({ tag }: { tag?: string }) => tag === "next").length, 1);
    },
  ),
  check(["CHG-19"], "the same key with another change is another change", async (registry) => {
    const name = await registry.published("keys");
    const key = { "idempotency-key": `keys-${registry.seed}` };
    await put(registry, name, "a", "1.0.0", key);
    await put(registry, name, "b", "1.0.0", key);
    assert.deepEqual(Object.keys(await registry.tags(name)).toSorted(), ["a", "b", "latest"]);
  }),
  check(["CHG-20"], "the same key of another user is another change", async (registry) => {
    if (registry.otherToken === undefined) throw new Skipped("no token of a second user was given (--other-token)");
    const name = await registry.published("users");
    const key = { "idempotency-key": `users-${registry.seed}` };
    const mine = await put(registry, name, "next", "1.0.0", key);
    const theirs = await put(registry, name, "next", "1.0.0", key, registry.otherToken);
    assert.notEqual(mine.headers.get("codebox-change"), theirs.headers.get("codebox-change"));
  }),
  check(
    ["CHG-21"],
    "a repeated publish with its key is the first one; with other contents it is refused",
    async (registry) => {
      const name = registry.name("publish-key");
      const headers = { "idempotency-key": `publish-${registry.seed}` };
      const first = await registry.publish(name, { headers });
      const again = await registry.publish(name, { headers });
      assert.equal(again.status, first.status);
      assert.equal(again.headers.get("codebox-change"), first.headers.get("codebox-change"));
      expectStatus(await registry.publish(name, { headers, manifest: { description: "other" } }), 409);
    },
  ),
];

/** PROTOCOL.md, "Failures". */
export const failures: readonly Check[] = [
  check(["ERR-1", "ERR-2", "ERR-6"], "a failure is a JSON object with a code and its status", async (registry) => {
    const name = await registry.published("failures");
    const cases = [
      [await registry.request(`/${registry.name("nobody").replace("/", "%2f")}`), 404, "not_found"],
      [await put(registry, name, "1.x", "1.0.0"), 400, "invalid"],
      [await put(registry, name, "next", "9.9.9"), 404, "not_found"],
      [await registry.publish(name), 409, "version_exists"],
      [await registry.send("DELETE", tagsPath(name, "latest")), 403, "forbidden"],
      [await put(registry, name, "next", "1.0.0", { "if-match": '"other"' }), 412, "precondition_failed"],
    ] as const;
    for (const [answer, status, code] of cases) {
      expectStatus(answer, status);
      const body = answer.json();
      assert.deepEqual(
        { ok: body.ok, code: body.code, message: body.message },
        { ok: false, code, message: body.error },
      );
    }
  }),
  check(["ERR-3"], "a 401 has www-authenticate", async (registry) => {
    const answer = await registry.request("/-/whoami", { as: "cbx_nobody" });
    expectStatus(answer, 401);
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
  }),
  check(["ERR-4"], "a 405 names the methods", async (registry) => {
    const answer = await registry.send("PUT", "/-/ping", {});
    expectStatus(answer, 405, 404);
    if (answer.status === 405) assert.match(answer.headers.get("allow") ?? "", /GET/);
  }),
  check(["ERR-8"], "answers forbid guessing their type, and caching what is about the caller", async (registry) => {
    assert.equal((await registry.request("/-/ping")).headers.get("x-content-type-options"), "nosniff");
    assert.equal((await registry.request("/-/whoami")).headers.get("cache-control"), "no-store");
  }),
];
