import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { publishDocument } from "../document.ts";
import { filePath, makeToken, pathOf, secondOwner, tagPath, type Registry } from "../registry.ts";
import { makeTarball } from "../../tarballs.ts";

const stage = (registry: Registry, name: string, version: string, more: { token?: string; tag?: string } = {}) =>
  registry.send("POST", `/-/stage/package${pathOf(name)}`, {
    body: publishDocument(name, version, more),
    ...(more.token === undefined ? {} : { token: more.token }),
  });
const staged = async (registry: Registry, name: string, version: string, tag?: string): Promise<string> =>
  stringAt(expectStatus(await stage(registry, name, version, tag === undefined ? {} : { tag }), 201).json, "stageId");
const approve = (registry: Registry, id: string, token?: string) =>
  registry.send("POST", `/-/stage/${id}/approve`, token === undefined ? {} : { token });
const reject = (registry: Registry, id: string, token?: string) =>
  registry.send("DELETE", `/-/stage/${id}`, token === undefined ? {} : { token });

/** Versions that wait for approval. */
export const stageChecks: readonly Check[] = [
  check("STG-2 STG-3", "a staged version is shown to those who may stage only", async (registry) => {
    const name = await registry.package("staged", "1.0.0");
    const id = await staged(registry, name, "2.0.0");
    const token = await registry.secondToken();
    assert.equal(at(await registry.packument(name), "versions", "2.0.0"), undefined);
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.0.0" });
    expectCode(await registry.get(filePath(name, "2.0.0")), 404, "not_found");
    for (const path of [`/-/stage/${id}`, `/-/stage/${id}/tarball`])
      expectCode(await registry.get(path, { token }), 404, "not_found");
    const list = `/-/stage?page=0&perPage=100&package=${encodeURIComponent(name)}`;
    assert.deepEqual((await registry.get(list, { token })).json, { items: [], total: 0 });
    const { json } = expectStatus(await registry.get(list), 200);
    assert.deepEqual([at(listAt(json, "items")[0], "id"), at(json, "total")], [id, 1]);
    const history = `/-/package${pathOf(name)}/history`;
    assert.equal(at(listAt((await registry.get(history)).json, "history")[0], "staged", "2.0.0", "to"), id);
    assert.ok(!JSON.stringify((await registry.get(history, { token })).json).includes("2.0.0"));
  }),
  check("STG-4", "an approval publishes exactly what was staged, once", async (registry) => {
    const name = await registry.package("approved", "1.0.0");
    const id = await staged(registry, name, "2.0.0", "next");
    const { integrity } = makeTarball({ name, version: "2.0.0", manifest: {} });
    const item = expectStatus(await registry.get(`/-/stage/${id}`), 200).json;
    assert.deepEqual([at(item, "tag"), at(item, "integrity")], ["next", integrity]);
    const { json } = expectStatus(await approve(registry, id), 201);
    assert.deepEqual(at(json, "dist-tags"), { latest: "1.0.0", next: "2.0.0" });
    const version = at(await registry.packument(name), "versions", "2.0.0");
    assert.deepEqual(
      [at(version, "dist", "integrity"), at(version, "_npmUser", "name")],
      [integrity, await registry.user()],
    );
    expectCode(await approve(registry, id), 404, "not_found");
  }),
  check(
    "STG-5 RUL-8",
    "an approval obeys the rules, and is an approval of somebody else's version",
    async (registry) => {
      const name = await registry.package("reviewed", "1.0.0");
      const token = await secondOwner(registry, name);
      const rules = [{ tags: "latest", approvals: { count: 1 } }];
      expectStatus(await registry.send("PUT", `/-/package${pathOf(name)}/rules`, { body: { rules } }), 200);
      const id = await staged(registry, name, "2.0.0");
      expectCode(await approve(registry, id), 403, "forbidden");
      expectStatus(await approve(registry, id, token), 201);
      assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "2.0.0" });
    },
  ),
  check("STG-1 STG-6 STG-10", "a stage-only token stages, and neither approves nor rejects", async (registry) => {
    const { token, password } = await registry.account();
    const permission = { packages_and_scopes_permission: "read-write-stage-only" };
    const only = await makeToken(registry, token, { password, name: "ci", ...permission });
    const name = registry.name("by-ci");
    expectStatus(await registry.publish(name, "1.0.0", { token }), 200, 201);
    expectCode(await stage(registry, name, "1.0.0", { token: only }), 409, "version_exists");
    const id = stringAt(expectStatus(await stage(registry, name, "2.0.0", { token: only }), 201).json, "stageId");
    expectCode(await approve(registry, id, only), 403, "forbidden");
    expectCode(await reject(registry, id, only), 403, "forbidden");
    expectStatus(await approve(registry, id, token), 201);
  }),
  check("STG-7 STG-8 STG-9", "a staged version blocks its version until it is rejected", async (registry) => {
    const name = await registry.package("rejected", "1.0.0");
    const id = await staged(registry, name, "2.0.0");
    assert.equal(await staged(registry, name, "2.0.0"), id);
    expectCode(await registry.publish(name, "2.0.0"), 409, "version_exists");
    expectStatus(await reject(registry, id), 204);
    expectCode(await approve(registry, id), 404, "not_found");
    expectStatus(await registry.publish(name, "2.0.0"), 200, 201);
  }),
];
