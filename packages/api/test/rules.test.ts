import { Change } from "@codebox/core";
import { changeOf } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.publish("wire", "2.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const RULES = "/-/package/wire/rules";
const TAGS = "/-/package/wire/dist-tags";
const put = (tag: string, version: string, headers?: Record<string, string>) =>
  registry.send("PUT", `${TAGS}/${tag}`, JSON.stringify(version), headers);
const setRules = (rules: unknown, more: object = {}, headers?: Record<string, string>) =>
  registry.send("PUT", RULES, { rules, ...more }, headers);
const bob = async () => ({ authorization: `Bearer ${await registry.token("bob")}` });

describe("the rules of a package", () => {
  test("are read and replaced, and refuse moves in one line that says the rule and who can", async () => {
    expect(await (await registry.request(RULES)).json()).toEqual({ name: "wire", rules: [], approvals: [] });
    const rules = [{ tags: "latest", movers: ["alice"], forward: true }];
    expect(await (await setRules(rules)).json()).toEqual({ ok: true, id: "wire", rules });
    expect(await (await registry.request(RULES)).json()).toEqual({ name: "wire", rules, approvals: [] });
    const refused = await put("latest", "2.0.0", await bob());
    expect(refused.status).toBe(200);
    const moved = await put("latest", "1.0.0", await bob());
    expect(moved.status).toBe(403);
    expect(await errorOf(moved)).toBe('"latest" of wire is not moved by bob (rule "latest"); ask one of alice');
    expect(await errorOf(await put("latest", "1.0.0"))).toMatch(/^"latest" of wire only moves forward, .*alice$/);
  });
  test("are in the history, with what they replaced", async () => {
    await setRules([{ tags: "latest", forward: true }]);
    await setRules([]);
    const { history } = (await (await registry.request("/-/package/wire/history")).json()) as { history: object[] };
    expect(history.slice(0, 2)).toMatchObject([
      { type: "rules.put", rules: { from: [{ tags: "latest", forward: true }] } },
      { type: "rules.put", rules: { to: [{ tags: "latest", forward: true }] } },
    ]);
  });
  test("are set by owners only", async () => {
    const refused = await setRules([], {}, await bob());
    expect(refused.status).toBe(403);
    expect(await errorOf(refused)).toContain("only an owner of wire changes its rules; ask one of alice");
  });
  test("a trial says which moves of the past they would have refused, and sets nothing", async () => {
    await put("latest", "1.0.0");
    await put("next", "2.0.0", await bob());
    const trial = await setRules([{ tags: "*", movers: ["alice"], forward: true }], { dryRun: true });
    expect(await trial.json()).toMatchObject({
      dryRun: true,
      looked: 4,
      refused: [
        {
          sequence: 4,
          tag: "next",
          to: "2.0.0",
          by: "bob",
          reason: expect.stringContaining("not moved by bob") as string,
        },
        {
          sequence: 3,
          tag: "latest",
          from: "2.0.0",
          to: "1.0.0",
          reason: expect.stringContaining("forward") as string,
        },
      ],
    });
    expect(await (await registry.request(RULES)).json()).toMatchObject({ rules: [] });
  });
  test.each([
    [{ rules: "latest" }, /must be/],
    [{ rules: [], more: 1 }, /must be/],
    [{ rules: [{ tags: "a b" }] }, /rules\.0\.tags: a pattern/],
    [{ rules: Array.from({ length: 51 }, () => ({ tags: "latest" })) }, /at most 50 rules/],
  ])("%j is refused with what is wrong", async (body, message) => {
    const refused = await registry.send("PUT", RULES, body);
    expect(refused.status).toBe(400);
    expect(await errorOf(refused)).toMatch(message);
  });
  test("an approval lets somebody else move the tag once", async () => {
    await setRules([{ tags: "latest", approvals: { count: 1 } }]);
    const approve = (body: object, headers?: Record<string, string>) =>
      registry.send("POST", "/-/package/wire/approvals", body, headers);
    const wanted = { tag: "latest", version: "1.0.0" };
    expect((await put("latest", "1.0.0")).status).toBe(403);
    expect(await (await approve(wanted, await bob())).json()).toEqual({ ok: true, id: "wire", ...wanted });
    expect(await (await registry.request(RULES)).json()).toMatchObject({ approvals: [{ ...wanted, by: "bob" }] });
    expect((await put("latest", "1.0.0")).status).toBe(200);
    expect(await (await registry.request(RULES)).json()).toMatchObject({ approvals: [] });
    expect((await approve({ tag: "latest" })).status).toBe(400);
    expect((await approve({ tag: "latest", version: "9.9.9" })).status).toBe(404);
    expect((await approve({ tag: "beta", version: "1.0.0" })).status).toBe(409);
  });
  test("a message of another service does not go round them", async () => {
    await setRules([{ tags: "latest", movers: ["alice"] }]);
    const change = {
      ...changeOf("tag.put", "wire", { tag: "latest", version: "1.0.0" }, "sneaky"),
      actor: { kind: "service" as const, name: "robot" },
    };
    const waiting = registry.outcomes.wait({ id: "sneaky", name: "wire" }, 5_000);
    await registry.queue.send(change);
    expect(await waiting).toMatchObject({ state: "rejected", rejection: { code: "forbidden" } });
    expect(await (await registry.request(TAGS)).json()).toEqual({ latest: "2.0.0" });
  });
});

describe("the rules of a scope", () => {
  const SCOPE = "/-/scope/@acme/rules";
  const rules = [{ tags: "latest", forward: true }];
  const back = () => registry.send("PUT", "/-/package/@acme%2fwire/dist-tags/latest", JSON.stringify("1.0.0"));
  beforeEach(async () => {
    await registry.publish("@acme/wire", "1.0.0");
    await registry.publish("@acme/wire", "2.0.0");
    await registry.ports.rights.edit("admin", (rights) => ({
      ok: true,
      what: "for the test",
      decided: true,
      spec: { ...rights, grants: [], orgs: { acme: { members: { alice: "owner", bob: "developer" }, teams: {} } } },
    }));
  });
  test("are set by those who manage it, and hold in all of its packages", async () => {
    expect(await (await registry.send("PUT", SCOPE, { rules })).json()).toEqual({ ok: true, scope: "@acme", rules });
    expect(await (await registry.request(SCOPE)).json()).toEqual({ scope: "@acme", rules });
    expect(await errorOf(await back())).toBe(
      '"latest" of @acme/wire only moves forward, not from 2.0.0 to 1.0.0 (rule "latest" of @acme); choose a higher version, or ask an administrator of @acme to change the rule',
    );
    expect((await put("latest", "1.0.0")).status).toBe(200);
    await registry.send("PUT", "/-/package/@acme%2fwire/rules", { rules: [{ tags: "latest", movers: ["alice"] }] });
    expect((await back()).status).toBe(403);
  });
  test("are removed by an empty list", async () => {
    await registry.send("PUT", SCOPE, { rules });
    await registry.send("PUT", SCOPE, { rules: [] });
    expect((await back()).status).toBe(200);
    expect((await registry.ports.rights.current()).rights.rules).toBeUndefined();
  });
  test("are also asked for a change that comes out of the queue", async () => {
    await registry.send("PUT", SCOPE, { rules });
    const waiting = registry.outcomes.wait({ id: "sneaky", name: "@acme/wire" }, 5_000);
    await registry.queue.send(changeOf("tag.put", "@acme/wire", { tag: "latest", version: "1.0.0" }, "sneaky"));
    expect(await waiting).toMatchObject({ state: "rejected", rejection: { code: "forbidden" } });
  });
  test("are not set by a member, and not for a name that is no scope", async () => {
    expect((await registry.send("PUT", SCOPE, { rules }, await bob())).status).toBe(403);
    expect((await registry.send("PUT", "/-/scope/acme/rules", { rules })).status).toBe(400);
    expect((await registry.send("PUT", SCOPE, { rules, dryRun: true })).status).toBe(400);
  });
});

describe("a rule that names a team", () => {
  const movers = (users: readonly string[]) =>
    registry.ports.rights.edit("admin", (rights) => ({
      ok: true,
      what: "for the test",
      spec: { ...rights, orgs: { acme: { members: {}, teams: { release: [...users] } } } },
    }));
  beforeEach(async () => {
    await movers(["bob"]);
    await setRules([{ tags: "latest", movers: ["team:acme:release"] }]);
  });
  test("lets the members of the team in the rights move the tag, and nobody else", async () => {
    expect((await put("latest", "1.0.0", await bob())).status).toBe(200);
    const refused = await put("latest", "2.0.0");
    expect(await errorOf(refused)).toBe(
      '"latest" of wire is not moved by alice (rule "latest"); ask one of team:acme:release',
    );
  });
  test("is decided again when the change is applied, by the team as it is then", async () => {
    await using paused = await startApp({ paused: true, settings: { waitMs: 1 } });
    const outcome = { id: "late", name: "wire" };
    await paused.publish("wire", "1.0.0");
    await paused.queue.send(
      changeOf("rules.put", "wire", { rules: [{ tags: "next", movers: ["team:acme:release"] }] }),
    );
    await paused.queue.send(changeOf("tag.put", "wire", { tag: "next", version: "1.0.0" }, "late"));
    const waiting = paused.outcomes.wait(outcome, 5_000);
    paused.start();
    expect(await waiting).toMatchObject({ state: "rejected", rejection: { code: "forbidden" } });
  });
  test.each([
    { kind: "service", name: "bob" },
    { kind: "workload", name: "bob" },
  ] as const)("a message of a $kind with a member's name is not the member's", async (actor) => {
    const change = { ...changeOf("tag.put", "wire", { tag: "latest", version: "1.0.0" }, "forged"), actor };
    const waiting = registry.outcomes.wait({ id: "forged", name: "wire" }, 5_000);
    await registry.queue.send(change);
    expect(await waiting).toMatchObject({ state: "rejected", rejection: { code: "forbidden" } });
  });
  test("a message that claims a team is no change", async () => {
    const change = changeOf("tag.put", "wire", { tag: "latest", version: "1.0.0" });
    const forged = { ...change, actor: { ...change.actor, teams: ["acme:release"] } };
    expect(Change.safeParse(forged).success).toBe(false);
  });
});
