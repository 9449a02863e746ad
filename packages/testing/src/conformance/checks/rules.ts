import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";
import { eventually, requireAdministrator } from "../administrator.ts";
import { pathOf, type Registry, secondOwner, tagPath } from "../registry.ts";

const rulesPath = (name: string) => `/-/package${pathOf(name)}/rules`;
const make = (registry: Registry) => registry.package("rules", "1.0.0", "2.0.0-rc.1", "1.1.0");
const setRules = (registry: Registry, name: string, rules: readonly object[], more: object = {}) =>
  registry.send("PUT", rulesPath(name), { body: { rules, ...more } });
const put = (registry: Registry, name: string, tag: string, version: string, token?: string) =>
  registry.send("PUT", tagPath(name, tag), { body: version, ...(token === undefined ? {} : { token }) });

export const ruleChecks: readonly Check[] = [
  check("RUL-1", "the rules are answered, replaced and removed", async (registry) => {
    const name = await make(registry);
    const rules = [{ tags: "latest", forward: true, note: "ask first" }];
    assert.deepEqual(expectStatus(await setRules(registry, name, rules), 200).json, { ok: true, id: name, rules });
    assert.deepEqual((await registry.get(rulesPath(name))).json, { name, rules, approvals: [] });
    expectStatus(await setRules(registry, name, []), 200);
    assert.deepEqual((await registry.get(rulesPath(name))).json, { name, rules: [], approvals: [] });
    expectCode(await setRules(registry, name, [{ tags: "a b" }]), 400, "invalid");
  }),
  check("RUL-2", "no kind of change moves a tag against a rule", async (registry) => {
    const name = await make(registry);
    expectStatus(await setRules(registry, name, [{ tags: "latest", forward: true, releases: true }]), 200);
    const refused = [
      await put(registry, name, "latest", "1.0.0"),
      await put(registry, name, "latest", "2.0.0-rc.1"),
      await registry.send("POST", tagPath(name), { body: { latest: "1.0.0" } }),
      await registry.send("PUT", tagPath(name), { body: { latest: "1.0.0" } }),
      await registry.send("POST", `/-/package${pathOf(name)}/restore`, { body: { sequence: 1, force: true } }),
      await registry.publish(name, "0.9.0"),
    ];
    for (const answer of refused) expectCode(answer, 403, "forbidden");
    assert.deepEqual((await registry.get(tagPath(name))).json, { latest: "1.1.0" });
    assert.equal(at(await registry.packument(name), "versions", "0.9.0"), undefined);
    expectStatus(await put(registry, name, "next", "2.0.0-rc.1"), 200);
  }),
  check("RUL-3", "a refusal is one line with the tag, the rule and who can", async (registry) => {
    const name = await make(registry);
    expectStatus(await setRules(registry, name, [{ tags: "late*", movers: ["somebody-else"] }]), 200);
    const error = stringAt((await put(registry, name, "latest", "1.0.0")).json, "error");
    assert.match(error, /"latest".*rule "late\*".*somebody-else/);
    assert.ok(!error.includes("\n"));
  }),
  check("RUL-5", "only those with the role admin set the rules", async (registry) => {
    const name = await make(registry);
    const token = await registry.secondToken();
    const refused = await registry.send("PUT", rulesPath(name), { token, body: { rules: [] } });
    expectCode(refused, 403, "forbidden");
  }),
  check(
    "RUL-8 RUL-9",
    "a rule with approvals lets a tag move once, with somebody else's approval",
    async (registry) => {
      const name = await make(registry);
      const token = await secondOwner(registry, name);
      expectStatus(await setRules(registry, name, [{ tags: "latest", approvals: { count: 1 } }]), 200);
      const approve = (more: object) =>
        registry.send("POST", `/-/package${pathOf(name)}/approvals`, {
          body: { tag: "latest", version: "1.0.0" },
          ...more,
        });
      expectStatus(await approve({}), 200);
      expectCode(await put(registry, name, "latest", "1.0.0"), 403, "forbidden");
      const approval = expectStatus(await approve({ token }), 200).json;
      assert.deepEqual(approval, { ok: true, id: name, tag: "latest", version: "1.0.0" });
      expectStatus(await put(registry, name, "latest", "1.0.0"), 200);
      expectCode(await put(registry, name, "latest", "1.1.0"), 403, "forbidden");
    },
  ),
  check(
    "RUL-11 RUL-12",
    "the rules of a scope hold beside a package's own, and its administrators set them",
    async (registry) => {
      await requireAdministrator(registry);
      const org = registry.word("ruled");
      const user = await registry.user();
      expectStatus(await registry.send("PUT", `/-/org/${org}/user`, { body: { user, role: "owner" } }), 200, 201);
      const name = `@${org}/wire`;
      for (const version of ["1.0.0", "1.1.0"])
        await eventually(async () => void expectStatus(await registry.publish(name, version), 201));
      const path = `/-/scope/@${org}/rules`;
      const rules = [{ tags: "latest", forward: true }];
      const token = await registry.secondToken();
      expectCode(await registry.send("PUT", path, { token, body: { rules } }), 403, "forbidden");
      const { json } = expectStatus(await registry.send("PUT", path, { body: { rules } }), 200);
      assert.deepEqual(json, { ok: true, scope: `@${org}`, rules });
      assert.deepEqual((await registry.get(path)).json, { scope: `@${org}`, rules });
      await eventually(async () => {
        const refused = await put(registry, name, "latest", "1.0.0");
        if (refused.status === 200) await put(registry, name, "latest", "1.1.0");
        expectCode(refused, 403, "forbidden");
      });
      expectStatus(await setRules(registry, name, [{ tags: "next", forward: true }]), 200);
      expectCode(await put(registry, name, "latest", "1.0.0"), 403, "forbidden");
      expectStatus(await registry.send("PUT", path, { body: { rules: [] } }), 200);
    },
  ),
  check("RUL-6", "a trial of rules says what they would have refused, and sets nothing", async (registry) => {
    const name = await make(registry);
    expectStatus(await put(registry, name, "latest", "1.0.0"), 200);
    const trial = await setRules(registry, name, [{ tags: "latest", forward: true }], { dryRun: true });
    // The second version was a prerelease, so the third one moved latest back too.
    const refused = listAt(expectStatus(trial, 200).json, "refused");
    assert.deepEqual(refused.map((move) => [at(move, "sequence"), at(move, "to")]), [[4, "1.0.0"], [3, "1.1.0"]]); // prettier-ignore
    assert.deepEqual(at((await registry.get(rulesPath(name))).json, "rules"), []);
  }),
];
