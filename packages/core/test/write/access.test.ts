import {
  createMemoryBackend,
  type MemoryBackend,
  changeOf,
  manualClock,
  publishOf,
  stage,
  tagPut,
} from "@codebox/testing";
import { systemIds } from "@codebox/system";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createConsumer,
  createLivePolicy,
  createPolicy,
  createRightsStore,
  createSubmit,
  NO_CONTEXT,
  outcomeKey,
  RIGHTS_MAX_AGE_MS,
  type Change,
  type Consumer,
  type Policy,
  type Submit,
} from "../../src/index.ts";

/** A policy by which only the owners of a package may change it, and anybody may create one. */
const owners: Policy = {
  ruleContext: NO_CONTEXT,
  may(principal, _, target) {
    const people = target?.packument?.maintainers;
    const owner = !people || (principal.kind !== "anonymous" && people.some(({ name }) => name === principal.name));
    const refusal = { allowed: false, code: "forbidden", reason: "you do not own this package" } as const;
    return owner ? { allowed: true, rule: "owner" } : { ...refusal, rule: "only owners change a package" };
  },
};

let embedded: MemoryBackend;
let consumer: Consumer;
let submit: Submit;

beforeEach(async () => {
  const clock = manualClock();
  embedded = createMemoryBackend({ clock });
  consumer = createConsumer({ ...embedded, policy: owners, clock });
  submit = createSubmit({ ...embedded, policy: owners, clock, ids: systemIds });
});
afterEach(() => embedded.close());

/** Alice publishes the package, and so owns it. */
const published = async () => {
  const change = publishOf("wire", "1.0.0");
  await stage(embedded.store, change);
  await consumer("wire", [change]);
};

describe("the consumer asks the policy again", () => {
  const by = (name: string, change: Change): Change => ({ ...change, actor: { kind: "user", name } });

  test("a change whose sender may not make it is rejected as forbidden, and its outcome names the rule", async () => {
    await published();
    const changes = [by("mallory", tagPut("wire", "next", "1.0.0", "x")), tagPut("wire", "beta", "1.0.0")];
    const outcomes = await consumer("wire", changes);
    expect(outcomes.map(({ state }) => state)).toEqual(["rejected", "applied"]);
    expect(await embedded.outcomes.find("x")).toMatchObject({
      state: "rejected",
      rejection: {
        code: "forbidden",
        message: "you do not own this package (rule: only owners change a package)",
      },
    });
    expect(Object.keys((await embedded.reader.read("wire"))?.packument["dist-tags"] ?? {})).toEqual(["latest", "beta"]);
  });
  test("with the package as the changes before it in the batch left it", async () => {
    await published();
    const outcomes = await consumer("wire", [
      changeOf("owners", "wire", { maintainers: [{ name: "bob" }] }),
      tagPut("wire", "next", "1.0.0"),
      by("bob", tagPut("wire", "next", "1.0.0")),
    ]);
    expect(outcomes.map(({ state }) => state)).toEqual(["applied", "rejected", "applied"]);
  });
  test("a change that took away its own right stays applied when it is delivered again", async () => {
    await published();
    const change = changeOf("owners", "wire", { maintainers: [{ name: "bob" }] });
    const first = await consumer("wire", [change]);
    expect(await consumer("wire", [change])).toEqual(first);
  });
  test("a publish that is refused leaves no tarball behind", async () => {
    await published();
    const change = publishOf("wire", "2.0.0");
    await stage(embedded.store, change);
    await consumer("wire", [by("mallory", change)]);
    expect((await embedded.store.list("")).objects.map(({ key }) => key)).toEqual([
      outcomeKey(change.id),
      "wire/1.0.0.tgz",
      "wire/index.json",
    ]);
  });
});

test("a publish of another service is refused by the consumer, and its tarball is not promoted", async () => {
  const change = publishOf("wire", "1.0.0");
  await stage(embedded.store, change);
  const clock = manualClock();
  const consume = createConsumer({ ...embedded, policy: createPolicy({ anonymousRead: true }), clock });
  const outcomes = await consume("wire", [{ ...change, actor: { kind: "service", name: "ci" } }]);
  expect(outcomes).toMatchObject([{ state: "rejected", rejection: { code: "forbidden" } }]);
  expect(await embedded.store.head("wire/1.0.0.tgz")).toBeUndefined();
});

test("a team's new member moves the tag, and one who left does not, once the rights are as old as they may be", async () => {
  const clock = manualClock();
  const rights = createRightsStore({ ...embedded, clock }, { maxAgeMs: RIGHTS_MAX_AGE_MS });
  const elsewhere = createRightsStore({ ...embedded, clock }, { maxAgeMs: 0 });
  const team = (...release: string[]) =>
    elsewhere.edit("admin", (before) => ({
      ok: true,
      what: "for the test",
      spec: { ...before, orgs: { acme: { members: {}, teams: { release } } } },
    }));
  const consume = createConsumer({ ...embedded, policy: createLivePolicy({ anonymousRead: false }, rights), clock });
  const publish = publishOf("wire", "1.0.0");
  await stage(embedded.store, publish);
  const rules = [{ tags: "next", movers: ["team:acme:release"] }];
  await consume("wire", [publish, changeOf("rules.put", "wire", { rules })]);
  const move = async (version: string) => {
    const [outcome] = await consume("wire", [tagPut("wire", "next", version)]);
    return outcome?.state;
  };
  expect(await move("1.0.0")).toBe("rejected");
  await team("alice");
  await clock.advance(RIGHTS_MAX_AGE_MS);
  expect(await move("1.0.0")).toBe("applied");
  await team();
  await clock.advance(RIGHTS_MAX_AGE_MS);
  expect(await consume("wire", [changeOf("tag.remove", "wire", { tag: "next" })])).toMatchObject([
    { state: "rejected", rejection: { message: expect.stringContaining("team:acme:release") as string } },
  ]);
});

describe("submit asks the policy", () => {
  test("a change whose sender may not make it is refused with the rule, and not queued", async () => {
    await published();
    const mallory = { kind: "token", name: "mallory", readonly: false, tokenHash: "00" } as const;
    const draft = { type: "tag.put", name: "wire", tag: "next", version: "1.0.0" } as const;
    expect(await submit(draft, { principal: mallory })).toMatchObject({
      kind: "settled",
      outcome: {
        state: "rejected",
        rejection: { code: "forbidden", message: expect.stringContaining("rule: only owners") as string },
      },
    });
    expect(embedded.queue.isEmpty()).toBe(true);
  });
});
