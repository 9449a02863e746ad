import assert from "node:assert/strict";
import { at, expectCode, expectStatus, header, listAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { getOnNewConnection } from "../raw.ts";
import { pathOf, tagPath, type Registry } from "../registry.ts";

/** Moves a tag without waiting for the outcome. */
const queueTag = (registry: Registry, name: string, tag: string, version: string) =>
  registry.send("PUT", tagPath(name, tag), { body: version, headers: { prefer: "respond-async" } });

/** How many readers look at once for a change that was answered. */
const READERS = 5;
/** How many changes are queued to see their order. */
const QUEUED = 10;

export const changeChecks: readonly Check[] = [
  check("CHG-1", "a change is answered with 200, 201, 202 or a 4xx", async (registry) => {
    const name = registry.name("statuses");
    expectStatus(await registry.publish(name, "1.0.0"), 200, 201, 202);
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0" }), 200, 201, 202);
    const refused = await registry.send("PUT", tagPath(name, "next"), { body: "9.9.9" });
    assert.ok(refused.status >= 400 && refused.status < 500, `a wrong change was answered with ${refused.status}`);
  }),
  check("CHG-2", "a change that was answered is in the next read of every new connection", async (registry) => {
    const name = await registry.package("reads", "1.0.0");
    for (let round = 0; round < READERS; round++) {
      expectStatus(await registry.send("PUT", tagPath(name, `t-${round}`), { body: "1.0.0" }), 200);
      const reads = [tagPath(name), pathOf(name)].flatMap((path) =>
        Array.from({ length: READERS }, () => getOnNewConnection(`${registry.url}${path}`, registry.target.token)),
      );
      for (const body of await Promise.all(reads)) assert.ok(body.includes(`"t-${round}"`), `a read lacks t-${round}`);
    }
  }),
  check("CHG-4", "a 202 has the status URL and the seconds to wait", async (registry) => {
    const name = await registry.package("later", "1.0.0");
    const accepted = expectStatus(await queueTag(registry, name, "next", "1.0.0"), 202);
    const location = header(accepted, "location");
    assert.match(location, /\/-\/changes\//);
    assert.ok(header(accepted, "npm-notice").includes(location), "npm-notice does not have the status URL");
    assert.match(header(accepted, "retry-after"), /^\d+$/);
    assert.equal(at(await registry.settled(accepted), "state"), "applied");
    const tags = await registry.get(tagPath(name));
    assert.equal(at(tags.json, "next"), "1.0.0");
  }),
  check("CHG-5", "Prefer: respond-async is answered with 202, a publish too", async (registry) => {
    const name = registry.name("async");
    const published = await registry.publish(name, "1.0.0", { headers: { prefer: "respond-async" } });
    assert.equal(at(await registry.settled(published), "state"), "applied");
    expectStatus(await queueTag(registry, name, "next", "1.0.0"), 202);
  }),
  check("CHG-6", "a refused change leaves the package as it was", async (registry) => {
    const name = await registry.package("refused", "1.0.0");
    const before = await registry.packument(name);
    expectStatus(await registry.publish(name, "1.0.0", { tag: "other" }), 409);
    expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "9.9.9" }), 404);
    expectStatus(await registry.send("DELETE", tagPath(name, "latest")), 403);
    assert.deepEqual(await registry.packument(name), before);
  }),
  check("CHG-8", "applied and queued changes have their id in codebox-change", async (registry) => {
    const name = registry.name("ids");
    const answers = [
      await registry.publish(name, "1.0.0"),
      await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0" }),
      await queueTag(registry, name, "later", "1.0.0"),
    ];
    const ids = answers.map((answer) => header(answer, "codebox-change"));
    assert.equal(new Set(ids).size, ids.length, "two changes have the same id");
  }),
  check("CHG-9 CHG-11", "the outcome of an applied change is found by its id and its package", async (registry) => {
    const name = await registry.package("outcome", "1.0.0");
    const applied = expectStatus(await registry.send("PUT", tagPath(name, "next"), { body: "1.0.0" }), 200);
    const id = header(applied, "codebox-change");
    const { json } = expectStatus(await registry.get(`/-/changes/${id}?package=${encodeURIComponent(name)}`), 200);
    assert.deepEqual(
      { id: at(json, "id"), name: at(json, "name"), state: at(json, "state"), sequence: at(json, "sequence") },
      { id, name, state: "applied", sequence: 2 },
    );
    assert.equal(typeof at(json, "revision"), "number");
    assert.deepEqual(at(json, "dist-tags"), { latest: "1.0.0", next: "1.0.0" });
  }),
  check("CHG-10", "an id that is not known is 404", async (registry) => {
    const name = await registry.package("unknown", "1.0.0");
    const id = registry.word("nobody");
    expectCode(await registry.get(`/-/changes/${id}`), 404, "not_found");
    expectCode(await registry.get(`/-/changes/${id}?package=${encodeURIComponent(name)}`), 404, "not_found");
  }),
  check("CHG-12", "the changes of a package are applied in the order in which they were accepted", async (registry) => {
    const name = await registry.package("order", "1.0.0", "1.1.0");
    const ids: string[] = [];
    for (let index = 0; index < QUEUED; index++) {
      const answer = await queueTag(registry, name, "moving", index % 2 === 0 ? "1.0.0" : "1.1.0");
      ids.push(header(expectStatus(answer, 202), "codebox-change"));
      if (index === QUEUED - 1) assert.equal(at(await registry.settled(answer), "state"), "applied");
    }
    const { json } = await registry.get(tagPath(name, "moving"));
    assert.equal(json, "1.1.0");
    const history = listAt((await registry.get(`/-/package${pathOf(name)}/history`)).json, "history");
    const applied = history.map((record) => String(at(record, "id"))).filter((id) => ids.includes(id));
    assert.deepEqual(applied.toReversed(), ids);
  }),
];
