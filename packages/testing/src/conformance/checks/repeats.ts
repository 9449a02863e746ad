import assert from "node:assert/strict";
import { makeTarball } from "../../tarballs.ts";
import { at, expectCode, expectStatus, header, listAt, type Answer } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { pathOf, tagPath, type Registry } from "../registry.ts";

const changeId = (answer: Answer) => header(answer, "codebox-change");

async function keyedTag(registry: Registry, key: string, name: string, tag: string, version: string, token?: string) {
  const options = { body: version, headers: { "idempotency-key": key }, ...(token === undefined ? {} : { token }) };
  return registry.send("PUT", tagPath(name, tag), options);
}

async function changesOf(registry: Registry, name: string): Promise<number> {
  const history = await registry.get(`/-/package${pathOf(name)}/history`);
  return listAt(expectStatus(history, 200).json, "history").length;
}

/** Repeated changes: what `Idempotency-Key` and `npm-session` make one change. */
export const repeatChecks: readonly Check[] = [
  check(
    "CHG-13 CHG-14 CHG-18",
    "a repeated change is answered like the first, and not applied again",
    async (registry) => {
      const name = await registry.package("repeat", "1.0.0", "1.1.0");
      const key = registry.word("key");
      const first = expectStatus(await keyedTag(registry, key, name, "next", "1.0.0"), 200);
      expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.1.0" }), 200);
      const changes = await changesOf(registry, name);
      const again = expectStatus(await keyedTag(registry, key, name, "next", "1.0.0"), 200);
      assert.equal(changeId(again), changeId(first));
      assert.equal(await changesOf(registry, name), changes);
      assert.equal((await registry.get(tagPath(name, "next"))).json, "1.1.0");
    },
  ),
  check("CHG-15", "a repeated answer has the tags of today", async (registry) => {
    const name = await registry.package("today", "1.0.0");
    const key = registry.word("key");
    expectStatus(await keyedTag(registry, key, name, "next", "1.0.0"), 200);
    expectStatus(await registry.send("PUT", tagPath(name, "later"), { body: "1.0.0" }), 200);
    const again = expectStatus(await keyedTag(registry, key, name, "next", "1.0.0"), 200);
    assert.deepEqual(at(again.json, "dist-tags"), { latest: "1.0.0", next: "1.0.0", later: "1.0.0" });
  }),
  check("CHG-17", "a change that was refused before it was queued can be sent again with its id", async (registry) => {
    const name = await registry.package("second-try", "1.0.0");
    const key = registry.word("key");
    expectStatus(await keyedTag(registry, key, name, "next", "1.1.0"), 404);
    expectStatus(await registry.publish(name, "1.1.0"), 201);
    expectStatus(await keyedTag(registry, key, name, "next", "1.1.0"), 200);
    assert.equal((await registry.get(tagPath(name, "next"))).json, "1.1.0");
  }),
  check("CHG-19", "the same key with another change is another change", async (registry) => {
    const name = await registry.package("other-change", "1.0.0");
    const key = registry.word("key");
    const first = expectStatus(await keyedTag(registry, key, name, "one", "1.0.0"), 200);
    const second = expectStatus(await keyedTag(registry, key, name, "two", "1.0.0"), 200);
    assert.notEqual(changeId(second), changeId(first));
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0", one: "1.0.0", two: "1.0.0" });
  }),
  check("CHG-20", "the same key from another user is another change", async (registry) => {
    const token = await registry.secondToken();
    const name = await registry.package("other-user", "1.0.0");
    await addOwner(registry, name, token);
    const key = registry.word("key");
    const first = expectStatus(await keyedTag(registry, key, name, "next", "1.0.0"), 200);
    const second = expectStatus(await keyedTag(registry, key, name, "next", "1.0.0", token), 200);
    assert.notEqual(changeId(second), changeId(first));
  }),
  check(
    "CHG-21",
    "a publish with the same key and another manifest, tag or tarball is another publish",
    async (registry) => {
      const name = registry.name("keyed-publish");
      const headers = { "idempotency-key": registry.word("key") };
      const first = expectStatus(await registry.publish(name, "1.0.0", { headers }), 201);
      const again = expectStatus(await registry.publish(name, "1.0.0", { headers }), 201);
      assert.equal(changeId(again), changeId(first));
      const tarball = makeTarball({ name, version: "1.0.0", files: { "other.js": "" } });
      for (const other of [{ manifest: { description: "another" } }, { tag: "next" }, { tarball }])
        expectCode(await registry.publish(name, "1.0.0", { ...other, headers }), 409, "version_exists");
    },
  ),
  check("CHG-22", "npm-session is the key of a publish that has none", async (registry) => {
    const name = registry.name("session");
    const headers = { "npm-session": registry.word("session") };
    const first = expectStatus(await registry.publish(name, "1.0.0", { headers }), 201);
    const again = expectStatus(await registry.publish(name, "1.0.0", { headers }), 201);
    assert.equal(changeId(again), changeId(first));
    const other = { "npm-session": registry.word("session") };
    expectCode(await registry.publish(name, "1.0.0", { headers: other }), 409, "version_exists");
  }),
];

async function addOwner(registry: Registry, name: string, token: string): Promise<void> {
  const user = at(expectStatus(await registry.get("/-/whoami", { token }), 200).json, "username");
  expectStatus(await registry.send("PUT", `/-/package${pathOf(name)}/owners`, { body: { user } }), 200);
}
