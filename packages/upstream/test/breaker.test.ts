import { UpstreamUnavailable } from "@codebox/core";
import { manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { createBreaker } from "../src/breaker.ts";

const REST = 5_000;

test.each([
  ["after its rest", REST],
  ["after the clock jumps back an hour", -3_600_000],
])("an origin that was down is asked again %s", async (_, ms) => {
  const clock = manualClock();
  const breaker = createBreaker(clock);
  const down = () => Promise.reject(new UpstreamUnavailable("no answer"));
  await expect(breaker("http://up.example", down)).rejects.toThrow("no answer");
  await expect(breaker("http://up.example", async () => "up")).rejects.toThrow("failed a moment ago");
  await clock.advance(ms);
  expect(await breaker("http://up.example", async () => "up")).toBe("up");
});
