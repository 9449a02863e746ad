import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { eventually } from "../administrator.ts";
import { skip } from "../skip.ts";

const AUDIT_NAMES_MAX = 20_000;
const NO_DEAD_LETTERS = "this registry has no route for dead letters";

export const otherRouteChecks: readonly Check[] = [
  check("RTE-1 RTE-2", "ping and health answer 200, without a token too", async (registry) => {
    for (const path of ["/-/ping", "/-/health"])
      for (const token of [registry.target.token, null]) expectStatus(await registry.get(path, { token }), 200);
  }),
  check("RTE-3", "a search finds a package by a word of its description", async (registry) => {
    const name = registry.name("search");
    const word = registry.word("conformance").replaceAll("-", "");
    expectStatus(await registry.publish(name, "1.0.0", { manifest: { description: `finds ${word}` } }), 201);
    await eventually(async () => {
      const { json } = expectStatus(await registry.get(`/-/v1/search?text=${word}`), 200);
      assert.deepEqual(
        listAt(json, "objects").map((found) => at(found, "package", "name")),
        [name],
      );
    });
  }),
  check("RTE-5", "an audit is answered, and our own packages have no advisories", async (registry) => {
    const name = await registry.package("audit", "1.0.0");
    const body = { [name]: ["1.0.0"] };
    const answer = await registry.send("POST", "/-/npm/v1/security/advisories/bulk", { body });
    assert.equal(at(expectStatus(answer, 200).json, name), undefined);
  }),
  check("RTE-10", "an audit of more than 20,000 names is refused", async (registry) => {
    const names = Array.from({ length: AUDIT_NAMES_MAX + 1 }, (_, index) => [`p${index}`, ["1.0.0"]]);
    const body: unknown = Object.fromEntries(names);
    const answer = await registry.send("POST", "/-/npm/v1/security/advisories/bulk", { body });
    expectCode(answer, 413, "too_large");
  }),
  check("RTE-8 RTE-9", "dead letters are listed, and all are redriven", async (registry) => {
    const listed = await registry.get("/-/dead-letters");
    if (listed.status === 404) skip(NO_DEAD_LETTERS);
    const letters = listAt(expectStatus(listed, 200).json, "letters");
    for (const letter of letters) assert.ok(at(letter, "reason"), "a dead letter has no reason");
    expectStatus(await registry.send("POST", `/-/dead-letters/${registry.word("nobody")}`), 404);
    if (letters.length > 0) skip("the registry has dead letters, which the suite does not redrive");
    const redriven = expectStatus(await registry.send("POST", "/-/dead-letters"), 202);
    assert.deepEqual(at(redriven.json, "redriven"), []);
  }),
  check("SRC-9", "the search index is built again on request, by administrators", async (registry) => {
    const path = "/-/search-index";
    const { status } = await registry.get(path);
    if (status === 404 || status === 403)
      skip("this registry has no route for the index, or the token is not an administrator's");
    const token = await registry.readToken();
    expectCode(await registry.send("POST", path, { token }), 403, "forbidden");
    expectStatus(await registry.send("POST", path), 202);
    await eventually(async () => {
      const { json } = expectStatus(await registry.get(path), 200);
      assert.deepEqual([at(json, "running"), at(json, "complete")], [false, true]);
    });
  }),
  check("RTE-8 RTE-9", "dead letters are for administrators", async (registry) => {
    if ((await registry.get("/-/dead-letters")).status === 404) skip(NO_DEAD_LETTERS);
    const token = await registry.readToken();
    expectStatus(await registry.get("/-/dead-letters", { token }), 403);
    expectStatus(await registry.send("POST", "/-/dead-letters", { token }), 403);
  }),
];
