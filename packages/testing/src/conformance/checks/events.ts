import assert from "node:assert/strict";
import { at, expectStatus, header, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { withEvents, type EventStream } from "../event-stream.ts";
import { pathOf, tagPath, type Registry } from "../registry.ts";

const TYPES = [
  "publish", "publish", "tag.put", "tag.remove", "tags.replace", "tags.merge", "deprecate", "owners", "star", "unpublish.versions",
  "unpublish.all",
]; // prettier-ignore

/** Makes one change of every type, in the order of `TYPES`. */
async function changeEverything(registry: Registry): Promise<string> {
  const name = await registry.package("events", "1.0.0", "1.1.0");
  const done = async (method: string, path: string, body?: unknown) =>
    expectStatus(await registry.send(method, path, { body }), 200, 201);
  const rev = async () => stringAt(await registry.packument(name), "_rev");
  await done("PUT", tagPath(name, "next"), "1.0.0");
  await done("DELETE", tagPath(name, "next"));
  await done("PUT", tagPath(name), { latest: "1.1.0", old: "1.0.0" });
  await done("POST", tagPath(name), { beta: "1.1.0" });
  await done("PUT", pathOf(name), { _id: name, versions: { "1.0.0": { deprecated: "old" } } });
  await done("PUT", pathOf(name), { _id: name, maintainers: [{ name: "alice" }] });
  await done("PUT", pathOf(name), { _id: name, users: { [await registry.user()]: true } });
  await done("PUT", `${pathOf(name)}/-rev/${await rev()}`, { _id: name, versions: { "1.0.0": {} } });
  await done("DELETE", `${pathOf(name)}/-rev/${await rev()}`);
  return name;
}

const onlyOf = (name: string) => `?package=${encodeURIComponent(name)}`;

export const eventChecks: readonly Check[] = [
  check("EVT-1 EVT-3 EVT-5 EVT-7", "every change is an event, with a sequence without gaps", (registry) =>
    withEvents(registry, "", async (events) => {
      const name = await changeEverything(registry);
      const seen: unknown[] = [];
      while (seen.length < TYPES.length) {
        const { event } = await events.next();
        if (at(event, "name") === name) seen.push(event);
      }
      assert.deepEqual(
        seen.map((event) => [at(event, "sequence"), at(event, "type")]),
        TYPES.map((type, index) => [index + 1, type]),
      );
      const [first] = seen;
      const actor = { name: await registry.user() };
      assert.deepEqual([at(first, "schema"), at(first, "actor"), at(first, "revision")], [1, actor, 1]);
      assert.equal(at(first, "data", "version"), "1.0.0");
    }),
  ),
  check("EVT-2 EVT-3", "an event comes after its change can be read, and has its id", async (registry) => {
    const name = await registry.package("readable", "1.0.0");
    await withEvents(registry, onlyOf(name), async (events) => {
      const headers = { prefer: "respond-async" };
      const accepted = await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0", headers });
      const { event } = await events.next();
      assert.equal((await registry.get(tagPath(name, "next"))).json, "1.0.0");
      assert.equal(at(event, "id"), header(expectStatus(accepted, 202), "codebox-change"));
    });
  }),
  check(
    "EVT-4 EVT-8",
    "a subscriber resumes after an event, and a repeated event has its sequence again",
    async (registry) => {
      const name = await registry.package("resume", "1.0.0");
      await withEvents(registry, onlyOf(name), async (live) => {
        for (const tag of ["one", "two"])
          expectStatus(await registry.send("PUT", tagPath(name, tag), { body: "1.0.0" }), 200);
        const [first, second] = [await live.next(), await live.next()];
        const repeats = async (events: EventStream) => assert.deepEqual((await events.next()).event, second.event);
        await withEvents(registry, onlyOf(name), repeats, { "last-event-id": first.id });
        await withEvents(registry, `${onlyOf(name)}&after=${first.id}`, repeats);
      });
    },
  ),
  check("EVT-9", "?package= leaves out the events of other packages", async (registry) => {
    const [other, name] = [await registry.package("other", "1.0.0"), await registry.package("only", "1.0.0")];
    await withEvents(registry, onlyOf(name), async (events) => {
      for (const changed of [other, name, other, name])
        expectStatus(await registry.send("PUT", tagPath(changed, "next"), { body: "1.0.0" }), 200);
      for (const sequence of [2, 3]) {
        const { event } = await events.next();
        assert.deepEqual([at(event, "name"), at(event, "sequence")], [name, sequence]);
      }
    });
  }),
  check("EVT-6", "data over 24 KB is cut to its key fields", async (registry) => {
    const name = await registry.package("large", "1.0.0");
    await withEvents(registry, onlyOf(name), async (events) => {
      const tags = Array.from({ length: 300 }, (_, index) => [`t${index}-${"x".repeat(100)}`, "1.0.0"]);
      expectStatus(await registry.send("POST", tagPath(name), { body: Object.fromEntries(tags) as unknown }), 200);
      const { event } = await events.next();
      assert.equal(at(event, "data", "truncated"), true);
      assert.equal(at(event, "data", "name"), name);
      assert.ok(JSON.stringify(at(event, "data")).length < 24 * 1024, "the data is still large");
    });
  }),
];
