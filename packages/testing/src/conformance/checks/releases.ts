import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { publishDocument } from "../document.ts";
import { filePath, pathOf, type Registry, tagPath } from "../registry.ts";

const RELEASES = "/-/v1/releases";
const pair = async (registry: Registry): Promise<readonly string[]> => [
  await registry.package("release", "1.0.0"),
  await registry.package("release", "1.0.0"),
];
const release = (registry: Registry, packages: readonly object[], headers: Readonly<Record<string, string>> = {}) =>
  registry.send("POST", RELEASES, { body: { packages }, headers });
const stable = (names: readonly string[], version = "1.0.0") =>
  names.map((name) => ({ name, "dist-tags": { stable: version } }));
const expectTags = async (registry: Registry, names: readonly string[], tags: object) => {
  for (const name of names) assert.deepEqual((await registry.get(tagPath(name))).json, tags);
};

export const releaseChecks: readonly Check[] = [
  check("REL-1 REL-4 REL-13", "publishes and tags are released together, and readable then", async (registry) => {
    const names = await pair(registry);
    const fresh = registry.name("release");
    const answer = await release(registry, [...stable(names), publishDocument(fresh, "1.0.0")]);
    assert.equal(listAt(expectStatus(answer, 201).json, "packages").length, 3);
    await expectTags(registry, names, { latest: "1.0.0", stable: "1.0.0" });
    await expectTags(registry, [fresh], { latest: "1.0.0" });
    expectStatus(await registry.get(filePath(fresh, "1.0.0")), 200, 307);
  }),
  check("REL-3", "a release that one package refuses changes none, and says why", async (registry) => {
    const [one = "", other = ""] = await pair(registry);
    const answer = await release(registry, [...stable([one]), ...stable([other], "9.9.9")]);
    expectCode(answer, 404, "not_found");
    const [problem] = listAt(answer.json, "problems");
    assert.equal(stringAt(problem, "name"), other);
    assert.equal(stringAt(problem, "code"), "not_found");
    assert.match(stringAt(problem, "error"), /9\.9\.9/);
    await expectTags(registry, [one, other], { latest: "1.0.0" });
  }),
  check("REL-5", "a package is in a release once, and 200 packages are the most", async (registry) => {
    const [one = ""] = await pair(registry);
    expectCode(await release(registry, [...stable([one]), ...stable([one])]), 400, "invalid");
    const many = Array.from({ length: 201 }, (_, index) => `${one}-${index}`);
    expectCode(await release(registry, stable(many)), 413, "too_large");
  }),
  check("REL-6", "a dry run changes nothing", async (registry) => {
    const names = await pair(registry);
    const body = { packages: stable(names), dryRun: true };
    expectStatus(await registry.send("POST", RELEASES, { body }), 201);
    await expectTags(registry, names, { latest: "1.0.0" });
  }),
  check("REL-7", "a release that is sent again with its key is answered, and made once", async (registry) => {
    const names = await pair(registry);
    const key = { "idempotency-key": registry.word("key") };
    const first = expectStatus(await release(registry, stable(names), key), 201).json;
    assert.deepEqual(expectStatus(await release(registry, stable(names), key), 201).json, first);
  }),
  check("REL-8", "pnpm's batch is a release", async (registry) => {
    const names = [registry.name("release"), registry.name("release")];
    for (const [version, path] of [
      ["1.0.0", "/-/pnpr/v0/publish"],
      ["2.0.0", "/-/pnpm/v1/publish"],
    ] as const) {
      const packages = names.map((name) => publishDocument(name, version));
      expectStatus(await registry.send("PUT", path, { body: { packages } }), 201);
      await expectTags(registry, names, { latest: version });
    }
  }),
  check("REL-9 REL-10", "a release has a status, and its id is in the history of its packages", async (registry) => {
    const names = await pair(registry);
    const id = stringAt(expectStatus(await release(registry, stable(names)), 201).json, "release");
    const shown = expectStatus(await registry.get(`${RELEASES}/${id}`), 200).json;
    assert.equal(stringAt(shown, "state"), "committed");
    assert.equal(stringAt(shown, "by"), await registry.user());
    assert.deepEqual(Object.keys(at(shown, "changes") as object).toSorted(), [...names].toSorted());
    for (const name of names) {
      const { json } = await registry.get(`/-/package${pathOf(name)}/history`);
      assert.equal(stringAt(listAt(json, "history")[0], "release"), id);
    }
    expectCode(await registry.get(`${RELEASES}/${registry.word("none")}`), 404, "not_found");
  }),
];
