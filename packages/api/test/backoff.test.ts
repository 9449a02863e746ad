import { manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { createBackoff } from "../src/backoff.ts";

function setup() {
  const clock = manualClock();
  const backoff = createBackoff(clock);
  const guess = (address: string, name: string, right = false) =>
    backoff.guess({ address, name }, async () => right, Boolean).catch((error: Error) => error.message);
  const fail = async (times: number, address: string, name: string) => {
    for (let turn = 0; turn < times; turn++) await guess(address, name);
  };
  return { clock, guess, fail };
}

test("the first failures cost nothing", async () => {
  const { guess, fail } = setup();
  await fail(4, "10.0.0.1", "alice");
  expect(await guess("10.0.0.1", "alice", true)).toBe(true);
});
test("an address that keeps guessing waits, whatever names it tries", async () => {
  const { guess, fail } = setup();
  for (let turn = 0; turn < 5; turn++) await fail(1, "10.0.0.1", `user-${turn}`);
  expect(await guess("10.0.0.1", "other", true)).toContain("try again in 5 seconds");
  expect(await guess("10.0.0.2", "other", true)).toBe(true);
});
test("a name that many addresses guess at waits too, at most half a minute", async () => {
  const { clock, guess, fail } = setup();
  for (let turn = 0; turn < 20; turn++) {
    await fail(1, `10.0.0.${turn}`, "alice");
    await clock.advance(31_000);
  }
  await fail(1, "10.0.1.1", "alice");
  expect(await guess("10.0.1.2", "Alice", true)).toContain("try again in 30 seconds");
});
test("the wait doubles with each failure", async () => {
  const { clock, guess, fail } = setup();
  await fail(5, "10.0.0.1", "alice");
  await clock.advance(5_000);
  await fail(1, "10.0.0.1", "alice");
  expect(await guess("10.0.0.1", "bob")).toContain("try again in 10 seconds");
});
test("a right password ends the count", async () => {
  const { guess, fail } = setup();
  await fail(4, "10.0.0.1", "alice");
  await guess("10.0.0.1", "alice", true);
  await fail(4, "10.0.0.1", "alice");
  expect(await guess("10.0.0.1", "alice", true)).toBe(true);
});
test("guesses that are sent at once are not all free", async () => {
  const { guess } = setup();
  const results = await Promise.all(Array.from({ length: 50 }, () => guess("10.0.0.1", "alice")));
  expect(results.filter((result) => result === false)).toHaveLength(5);
});
test("nobody waits longer because the clock jumps back an hour", async () => {
  const { clock, guess, fail } = setup();
  await fail(6, "10.0.0.1", "alice");
  await clock.advance(-3_600_000);
  expect(await guess("10.0.0.1", "alice", true)).toBe(true);
});
