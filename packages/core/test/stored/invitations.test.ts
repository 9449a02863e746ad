import { systemIds } from "@codebox/system";
import { createMemoryBackend, manualClock, type ManualClock } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { createInvitations, INVITATION_DAYS, LAYOUT, type Invitations, type ObjectStore } from "../../src/index.ts";

let clock: ManualClock;
let store: ObjectStore;
let invitations: Invitations;
beforeEach(() => {
  clock = manualClock();
  store = createMemoryBackend({ clock }).store;
  invitations = createInvitations({ store, clock, ids: systemIds });
});
const invite = (name = "bob") => invitations.make({ name, by: "admin", days: INVITATION_DAYS });

test("a code is accepted once, of its user only", async () => {
  const { code } = await invite();
  expect(await invitations.accept("carol", code)).toBe(false);
  expect(await invitations.accept("bob", `${code}x`)).toBe(false);
  expect(await invitations.accept("bob", code)).toBe(true);
  expect(await invitations.accept("bob", code)).toBe(false);
});
test("of two who accept a code at a time, one does", async () => {
  const { code } = await invite();
  const accepted = await Promise.all([invitations.accept("bob", code), invitations.accept("bob", code)]);
  expect(accepted.filter(Boolean)).toHaveLength(1);
});
test("a code ends with its lifetime, and is not listed any more", async () => {
  const { code } = await invite();
  expect(await invitations.list()).toMatchObject([{ name: "bob", by: "admin" }]);
  await clock.advance(INVITATION_DAYS * 86_400_000);
  expect(await invitations.accept("bob", code)).toBe(false);
  expect(await invitations.list()).toEqual([]);
});
test("a new code takes the place of the old one; a withdrawn one is void", async () => {
  const [old, fresh] = [await invite(), await invite()];
  expect(await invitations.accept("bob", old.code)).toBe(false);
  expect(await invitations.withdraw("bob")).toBe(true);
  expect(await invitations.accept("bob", fresh.code)).toBe(false);
  expect(await invitations.withdraw("bob")).toBe(false);
});
test("the store holds no code, and invitations only in their area", async () => {
  const { code } = await invite();
  for (const { key } of (await store.list("")).objects) {
    const found = await store.get(key);
    expect(key.startsWith(LAYOUT.invitations.prefix)).toBe(true);
    expect(found?.notModified === false ? Buffer.from(found.bytes).toString() : "").not.toContain(code);
  }
});
