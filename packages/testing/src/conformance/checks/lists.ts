import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { eventually } from "../administrator.ts";
import { skip } from "../skip.ts";
import { pathOf, type Registry } from "../registry.ts";

const QUICK = "/-/npm/v1/security/audits/quick";
const DEPTH = 1_100;

const json = async (registry: Registry, path: string) => expectStatus(await registry.get(path), 200).json;
const ownersOf = async (registry: Registry, name: string) =>
  listAt(await registry.packument(name), "maintainers").map((person) => at(person, "name"));

/** Search, audits of trees, signatures, and lists of packages and owners. */
export const listChecks: readonly Check[] = [
  check("SRC-2 SRC-5", "a search needs words, and its dates are in ISO 8601", async (registry) => {
    for (const path of ["/-/v1/search", "/-/v1/search?text="]) {
      const refused = await registry.get(path);
      expectCode(refused, 400, "invalid");
      assert.match(String(at(refused.json, "error")), /ERR_TEXT_MISSING/);
    }
    const name = await registry.package("dated", "1.0.0");
    await eventually(async () => {
      const found = await json(registry, `/-/v1/search?text=${encodeURIComponent(name)}`);
      for (const date of [at(found, "time"), at(listAt(found, "objects")[0], "package", "date")])
        assert.equal(new Date(String(date)).toISOString(), date);
    });
  }),
  check("SRC-7 SRC-8", "the exact name is found first, soon after the publish", async (registry) => {
    const name = registry.name("exact");
    const word = registry.word("q").replaceAll("-", "");
    expectStatus(await registry.publish(`${name}-${word}-more`, "1.0.0"), 201);
    expectStatus(await registry.publish(`${name}-${word}`, "1.0.0"), 201);
    expectStatus(
      await registry.publish(registry.name("text"), "1.0.0", { manifest: { description: `a ${word}` } }),
      201,
    );
    const found = async (text: string) =>
      listAt(await json(registry, `/-/v1/search?text=${encodeURIComponent(text)}`), "objects").map((hit) =>
        at(hit, "package", "name"),
      );
    await eventually(async () => assert.equal((await found(word)).length, 3));
    assert.deepEqual(await found(`${name}-${word}`), [`${name}-${word}`, `${name}-${word}-more`]);
  }),
  check("AUD-1 AUD-2", "a tree is audited, and one that is too deep is refused", async (registry) => {
    const name = await registry.package("tree", "1.0.0");
    const body = { dependencies: { [name]: { version: "1.0.0", integrity: "sha512-a" } } };
    for (const path of [QUICK, "/-/npm/v1/security/audits"]) {
      const report = expectStatus(await registry.send("POST", path, { body }), 200).json;
      assert.deepEqual(at(report, "advisories"), {});
      assert.equal(at(report, "metadata", "totalDependencies"), 1);
    }
    const deep = `${'{"dependencies":{"a":'.repeat(DEPTH)}{}${"}}".repeat(DEPTH)}`;
    expectCode(await registry.send("POST", QUICK, { body: Buffer.from(deep) }), 400, "invalid");
  }),
  check("SIG-1", "the keys of signatures are a list", async (registry) => {
    listAt(await json(registry, "/-/npm/v1/keys"), "keys");
  }),
  check("SIG-2", "a package of the registry's own has no attestations", async (registry) => {
    const name = await registry.package("attested", "1.0.0");
    expectCode(await registry.get(`/-/npm/v1/attestations${pathOf(name)}@1.0.0`), 404, "not_found");
  }),
  check("LST-1 LST-2 LST-3 LST-9", "a user's packages and a scope's are listed", async (registry) => {
    const name = await registry.package("listed", "1.0.0");
    const user = await registry.user();
    await eventually(async () => assert.equal(at(await json(registry, `/-/user/${user}/package`), name), "write"));
    assert.equal(at(await json(registry, "/-/-/package?format=cli"), name), "write");
    const scope = name.slice(1, name.indexOf("/"));
    assert.equal(at(await json(registry, `/-/org/${scope}/package`), name), "write");
    expectCode(await registry.get(`/-/org/${registry.word("nobody")}/package`), 404, "not_found");
  }),
  check("LST-4 LST-5 LST-6 LST-7", "owners and visibility are in the forms of npm and of pnpm", async (registry) => {
    const name = await registry.package("owned", "1.0.0");
    const user = await registry.user();
    const path = `/-/package${pathOf(name)}`;
    assert.deepEqual(await json(registry, `${path}/collaborators`), { [user]: "write" });
    const [owner] = (await json(registry, `${path}/collaborators?format=cli&user=${user}`)) as readonly unknown[];
    assert.deepEqual([at(owner, "user"), at(owner, "permissions")], [user, "write"]);
    const isPublic = (await registry.get(pathOf(name), { token: null })).status === 200;
    assert.deepEqual(await json(registry, `${path}/visibility`), { public: isPublic });
    assert.deepEqual(await json(registry, `${path}/access`), { access: isPublic ? "public" : "restricted" });
  }),
  check("LST-8 LST-11", "starred packages are listed", async (registry) => {
    const name = await registry.package("starred", "1.0.0");
    const user = await registry.user();
    const starred = async () =>
      listAt(await json(registry, `/-/_view/starredByUser?key=%22${user}%22`), "rows").map((row) => at(row, "value"));
    const star = (users: object) => registry.send("PUT", pathOf(name), { body: { _id: name, users } });
    expectStatus(await star({ [user]: true }), 200, 201);
    await eventually(async () => assert.ok((await starred()).includes(name), "the starred package is missing"));
    assert.equal(at(await json(registry, `/-/user/${user}/stars`), name), true);
    expectStatus(await star({}), 200, 201);
    await eventually(async () =>
      assert.ok(!(await starred()).includes(name), "the package is listed without its star"),
    );
  }),
  check("AMD-18", "a star in a copy of the whole packument is applied", async (registry) => {
    const name = await registry.package("copied", "1.0.0");
    const user = await registry.user();
    const copy = await registry.packument(name);
    const body = { ...(copy as object), users: { [user]: true, somebody: true } };
    expectStatus(await registry.send("PUT", `${pathOf(name)}/-rev/${stringAt(copy, "_rev")}`, { body }), 200, 201);
    assert.deepEqual(at(await registry.packument(name), "users"), { [user]: true });
  }),
  check("AMD-16 AMD-17", "one owner is added and removed; the last one stays", async (registry) => {
    const name = await registry.package("owner", "1.0.0");
    const user = await registry.user();
    const path = `/-/package${pathOf(name)}/owners`;
    const body = { user: "somebody" };
    const added = await registry.send("PUT", path, { body });
    if (added.status === 404) skip("this registry takes owners that have an account only");
    expectStatus(added, 200, 201);
    assert.deepEqual(await ownersOf(registry, name), [user, "somebody"]);
    expectStatus(await registry.send("DELETE", `${path}/somebody`), 200);
    assert.deepEqual(await ownersOf(registry, name), [user]);
    expectStatus(await registry.send("DELETE", `${path}/${user}`), 400);
  }),
];
