import fc from "fast-check";
import { expect, test } from "vitest";
import { ageOf } from "../../src/index.ts";

const HOUR = 3_600_000;
const time = fc.date({ noInvalidDate: true });

test("what is past is as old as the time since, and what is from the future is infinitely old", () => {
  fc.assert(
    fc.property(time, time, (at, now) => {
      const expected = at <= now ? now.getTime() - at.getTime() : Number.POSITIVE_INFINITY;
      expect(ageOf(at.getTime(), now)).toBe(expected);
    }),
  );
});
test("after the clock jumps back an hour, nothing is fresh for longer than it was", () => {
  const fetched = Date.parse("2026-01-01T12:00:00Z");
  expect(ageOf(fetched, new Date(fetched - HOUR)) < 5_000).toBe(false);
});
