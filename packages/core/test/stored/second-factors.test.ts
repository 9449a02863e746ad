import { systemIds } from "@codebox/system";
import { codeAt, createMemoryBackend, manualClock, type ManualClock } from "@codebox/testing";
import { beforeEach, describe, expect, test } from "vitest";
import {
  createSecondFactors,
  CONFIRM_MS,
  LAYOUT,
  REPEAT_MS,
  type ObjectStore,
  type SecondFactors,
} from "../../src/index.ts";

let clock: ManualClock;
let store: ObjectStore;
let factors: SecondFactors;
let url: string;
let recovery: readonly string[];
const code = () => codeAt(url, clock.now());
const next = () => clock.advance(30_000);
beforeEach(async () => {
  // Pauses between two writes end at once.
  clock = { ...manualClock(), sleep: async () => undefined };
  store = createMemoryBackend({ clock }).store;
  factors = createSecondFactors({ store, clock, ids: systemIds });
  url = (await factors.begin("alice", "auth-and-writes", "registry.test")) ?? "";
  recovery = (await factors.complete("alice", code())) ?? [];
  await next();
});

test("a factor is pending until a code of it is shown, and then asked for", async () => {
  const begun = await factors.begin("bob", "auth-only", "registry.test");
  expect(begun).toMatch(/^otpauth:\/\/totp\/registry\.test/);
  expect(await factors.find("bob")).toEqual({ mode: "auth-only", pending: true });
  expect(await factors.check("bob", "123456")).toEqual({ ok: false, reason: "none" });
  expect(await factors.find("alice")).toEqual({ mode: "auth-and-writes", pending: false });
  expect(await factors.begin("alice", "auth-only", "registry.test")).toBeUndefined();
});
test("a code counts once; the code that began the factor is not accepted again", async () => {
  const shown = code();
  expect(await factors.check("alice", shown)).toEqual({ ok: true });
  expect(await factors.check("alice", shown)).toEqual({ ok: false, reason: "wrong" });
  expect(await factors.check("alice", codeAt(url, new Date(clock.now().getTime() - 30_000)))).toMatchObject({
    ok: false,
  });
});
test("of two who show one code at a time, one is right", async () => {
  const shown = code();
  const checks = await Promise.all([factors.check("alice", shown, "one"), factors.check("alice", shown, "two")]);
  expect(checks.filter(({ ok }) => ok)).toHaveLength(1);
});
test("the token that was confirmed by a code may repeat it for five minutes, and no other may", async () => {
  const shown = code();
  expect(await factors.check("alice", shown, "token")).toEqual({ ok: true });
  expect(await factors.check("alice", shown, "token")).toEqual({ ok: true });
  expect(await factors.check("alice", shown, "other")).toMatchObject({ ok: false });
  await clock.advance(REPEAT_MS);
  expect(await factors.check("alice", shown, "token")).toMatchObject({ ok: false });
});
test("codes of the periods beside the present one count, and none further away", async () => {
  const at = (periods: number) => codeAt(url, new Date(clock.now().getTime() + periods * 30_000));
  expect(await factors.check("alice", at(2))).toMatchObject({ ok: false });
  expect(await factors.check("alice", at(1))).toEqual({ ok: true });
});
test("a recovery code counts once, and the store has none of them", async () => {
  expect(recovery).toHaveLength(10);
  expect(await factors.check("alice", recovery[0] ?? "")).toEqual({ ok: true, recovery: true });
  expect(await factors.check("alice", recovery[0] ?? "")).toMatchObject({ ok: false });
  const [object] = (await store.list(LAYOUT.factors.prefix)).objects;
  const found = await store.get(object?.key ?? "");
  const text = found?.notModified === false ? Buffer.from(found.bytes).toString() : "";
  for (const one of recovery) expect(text).not.toContain(one);
});
test("after five wrong codes the user waits longer and longer, also for right ones", async () => {
  for (let turn = 0; turn < 5; turn++)
    expect(await factors.check("alice", "000000")).toMatchObject({ reason: "wrong" });
  expect(await factors.check("alice", code())).toEqual({ ok: false, reason: "wait", seconds: 30 });
  await next();
  expect(await factors.check("alice", "000000")).toMatchObject({ reason: "wrong" });
  expect(await factors.check("alice", code())).toEqual({ ok: false, reason: "wait", seconds: 60 });
  await clock.advance(60_000);
  expect(await factors.check("alice", code())).toEqual({ ok: true });
});

describe("a confirmation in the browser", () => {
  test("counts for the token that asked, once it was given, for five minutes", async () => {
    const { page, done } = await factors.beginPage("alice", "token");
    expect(await factors.pageState("alice", done)).toBe("pending");
    expect(await factors.check("alice", done, "token")).toMatchObject({ ok: false });
    expect(await factors.confirmPage("alice", page)).toBe(true);
    expect(await factors.pageState("alice", done)).toBe("confirmed");
    expect(await factors.check("alice", done, "other")).toMatchObject({ ok: false });
    expect(await factors.check("alice", done, "token")).toEqual({ ok: true });
    await clock.advance(REPEAT_MS);
    expect(await factors.check("alice", done, "token")).toMatchObject({ ok: false });
  });
  test("is over after ten minutes, after it was given, and for a holder of only the client's secret", async () => {
    const { page, done } = await factors.beginPage("alice", "token");
    expect(await factors.confirmPage("alice", done)).toBe(false);
    await clock.advance(CONFIRM_MS);
    expect(await factors.isPage("alice", page)).toBe(false);
    expect(await factors.confirmPage("alice", page)).toBe(false);
    expect(await factors.pageState("alice", done)).toBe("expired");
  });
});
