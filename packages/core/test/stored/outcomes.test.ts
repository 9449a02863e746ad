import { createMemoryBackend, manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { createStoredOutcomes } from "../../src/index.ts";

test("a wait for an outcome ends within its time-out when the clock jumps back an hour", async () => {
  const backend = createMemoryBackend({ clock: manualClock() });
  let now = Date.parse("2026-01-01T12:00:00Z");
  let slept = 0;
  const sleep = async (ms: number) => {
    now += ms - (slept === 0 ? 3_600_000 : 0);
    slept += ms;
  };
  const outcomes = createStoredOutcomes({ ...backend, clock: { now: () => new Date(now), sleep } });
  expect(await outcomes.wait({ id: "change", name: "wire" }, 8_000)).toBeUndefined();
  expect(slept).toBeLessThanOrEqual(8_000);
  await backend.close();
});
