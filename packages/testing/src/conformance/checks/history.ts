import assert from "node:assert/strict";
import { at, expectCode, expectStatus, header, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { pathOf, type Registry, secondOwner, tagPath } from "../registry.ts";

const TAGS = { latest: "1.1.0", next: "1.0.0" };
/** 1 and 2: the versions. 3: next is made. */
async function make(registry: Registry): Promise<string> {
  const name = await registry.package("undo", "1.0.0", "1.1.0");
  await put(registry, name, "next", "1.0.0");
  return name;
}
const put = async (registry: Registry, name: string, tag: string, version: string, options: object = {}) =>
  expectStatus(await registry.send("PUT", tagPath(name, tag), { body: version, ...options }), 200);
const historyOf = async (registry: Registry, path: string) =>
  listAt(expectStatus(await registry.get(path), 200).json, "history");
const undoPath = (name: string) => `/-/package${pathOf(name)}/undo`;
const restorePath = (name: string) => `/-/package${pathOf(name)}/restore`;
const expectTags = async (registry: Registry, name: string, tags: object) =>
  assert.deepEqual((await registry.get(tagPath(name))).json, tags);

export const historyChecks: readonly Check[] = [
  check("TAG-13", "a 412 has the tags as they are now, and their ETag", async (registry) => {
    const name = await make(registry);
    const headers = { "if-match": '"old"' };
    const refused = await registry.send("PUT", tagPath(name, "next"), { body: "1.1.0", headers });
    expectCode(refused, 412, "precondition_failed");
    assert.deepEqual(at(refused.json, "dist-tags"), TAGS);
    assert.equal(header(refused, "etag"), header(await registry.get(tagPath(name)), "etag"));
  }),
  check("TAG-14", "If-None-Match: * makes tags and moves none", async (registry) => {
    const name = await make(registry);
    const headers = { "if-none-match": "*" };
    expectCode(
      await registry.send("PUT", tagPath(name, "next"), { body: "1.1.0", headers }),
      412,
      "precondition_failed",
    );
    const some = { beta: "1.0.0", next: "1.1.0" };
    expectCode(await registry.send("POST", tagPath(name), { body: some, headers }), 412, "precondition_failed");
    await expectTags(registry, name, TAGS);
    await put(registry, name, "beta", "1.0.0", { headers });
  }),
  check("HIS-1", "the history has the applied changes, the newest first", async (registry) => {
    const name = await make(registry);
    expectStatus(await registry.send("DELETE", tagPath(name, "next")), 200);
    const history = await historyOf(registry, `/-/package${pathOf(name)}/history`);
    const seen = history.map((entry) => `${String(at(entry, "sequence"))} ${stringAt(entry, "type")}`);
    assert.deepEqual(seen, ["4 tag.remove", "3 tag.put", "2 publish", "1 publish"]);
  }),
  check("HIS-2 HIS-6 HIS-8", "the history of the tags says from where to where, and why", async (registry) => {
    const name = await make(registry);
    const headers = {
      "npm-command": "dist-tag",
      "codebox-message": "see%20%C3%BC",
      "codebox-run": "https://ci.example/7",
    };
    await put(registry, name, "next", "1.1.0", { headers });
    const body = { _id: name, name, users: { [await registry.user()]: true } };
    expectStatus(await registry.send("PUT", pathOf(name), { body }), 200, 201);
    const [entry, before] = await historyOf(registry, `${tagPath(name)}/history`);
    assert.deepEqual(at(entry, "tags"), { next: { from: "1.0.0", to: "1.1.0" } });
    assert.deepEqual(at(entry, "why"), { command: "dist-tag", message: "see ü", run: "https://ci.example/7" });
    assert.equal(at(entry, "by"), await registry.user());
    assert.deepEqual(at(before, "tags"), { next: { to: "1.0.0" } });
  }),
  check("HIS-4", "the history comes in pages", async (registry) => {
    const name = await make(registry);
    const first = expectStatus(await registry.get(`${tagPath(name)}/history?limit=2`), 200).json;
    assert.deepEqual(listAt(first, "history").map((entry) => at(entry, "sequence")), [3, 2]); // prettier-ignore
    const rest = await registry.get(`${tagPath(name)}/history?limit=2&before=${String(at(first, "next"))}`);
    assert.deepEqual(listAt(rest.json, "history").map((entry) => at(entry, "sequence")), [1]); // prettier-ignore
    assert.equal(at(rest.json, "next"), undefined);
    expectCode(await registry.get(`${tagPath(name)}/history?limit=201`), 400, "invalid");
  }),
  check("HIS-7", "the history says what a deprecation and a change of the owners replaced", async (registry) => {
    const name = await make(registry);
    const versions = { "1.0.0": { name, version: "1.0.0", deprecated: "old" } };
    expectStatus(await registry.send("PUT", pathOf(name), { body: { _id: name, name, versions } }), 200, 201);
    const me = await registry.user();
    const maintainers = [{ name: me }, { name: "second" }];
    expectStatus(await registry.send("PUT", pathOf(name), { body: { _id: name, name, maintainers } }), 200, 201);
    const [owners, deprecation] = await historyOf(registry, `/-/package${pathOf(name)}/history`);
    assert.deepEqual(at(owners, "owners"), { from: [me], to: [me, "second"] });
    assert.deepEqual(at(deprecation, "deprecated"), { "1.0.0": { to: "old" } });
  }),
  check("UND-1", "an undo takes back what one change did to the tags", async (registry) => {
    const name = await make(registry);
    await put(registry, name, "latest", "1.0.0");
    const [{ id }] = (await historyOf(registry, `${tagPath(name)}/history`)) as [{ readonly id: string }];
    const undone = await registry.send("POST", undoPath(name), { body: { change: id } });
    assert.deepEqual(expectStatus(undone, 200).json, { ok: true, id: name, "dist-tags": TAGS });
    expectStatus(await registry.send("POST", undoPath(name), { body: { sequence: 3 } }), 200);
    await expectTags(registry, name, { latest: "1.1.0" });
  }),
  check("UND-2", "a restore returns to the tags after a change", async (registry) => {
    const name = await make(registry);
    expectStatus(await registry.send("POST", tagPath(name), { body: { beta: "1.0.0", latest: "1.0.0" } }), 200);
    expectStatus(await registry.send("POST", restorePath(name), { body: { sequence: 3 } }), 200);
    await expectTags(registry, name, TAGS);
  }),
  check("UND-3", "what would undo somebody else's later move is refused, unless it is forced", async (registry) => {
    const name = await make(registry);
    const token = await secondOwner(registry, name);
    await put(registry, name, "next", "1.1.0", { token });
    expectCode(await registry.send("POST", undoPath(name), { body: { sequence: 3 } }), 409, "conflict");
    expectCode(await registry.send("POST", restorePath(name), { body: { sequence: 2 } }), 409, "conflict");
    await expectTags(registry, name, { latest: "1.1.0", next: "1.1.0" });
    expectStatus(await registry.send("POST", undoPath(name), { body: { sequence: 3, force: true } }), 200);
    await expectTags(registry, name, { latest: "1.1.0" });
  }),
  check("UND-4", "a dry run changes nothing", async (registry) => {
    const name = await make(registry);
    const would = await registry.send("POST", undoPath(name), { body: { sequence: 3, dryRun: true } });
    assert.deepEqual(at(expectStatus(would, 200).json, "dist-tags"), { latest: "1.1.0" });
    await expectTags(registry, name, TAGS);
  }),
  check("UND-5", "an undo of a change that is not there, or moved no tag, is refused", async (registry) => {
    const name = await make(registry);
    const body = { _id: name, name, users: { [await registry.user()]: true } };
    expectStatus(await registry.send("PUT", pathOf(name), { body }), 200, 201);
    expectCode(await registry.send("POST", undoPath(name), { body: { sequence: 4 } }), 400, "invalid");
    expectCode(await registry.send("POST", undoPath(name), { body: { sequence: 99 } }), 404, "not_found");
  }),
];
