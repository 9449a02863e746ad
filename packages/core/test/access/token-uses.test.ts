import { manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { createTokenUses } from "../../src/index.ts";

function fixture() {
  const clock = manualClock("2026-11-25T10:00:00.000Z");
  const written: string[] = [];
  const failures: unknown[] = [];
  let down = false;
  const used = createTokenUses({
    tokens: {
      async used(hash, day) {
        if (down) throw new Error("the store is down");
        written.push(`${hash} ${day}`);
      },
    },
    clock,
    onFailure: (error) => failures.push(error),
  });
  return { clock, written, failures, used, setDown: (value: boolean) => (down = value) };
}

test("a token's use is written once a day, however often it is used", async () => {
  const { clock, written, used } = fixture();
  await used("a");
  await used("a");
  await used("b");
  await clock.advance(86_400_000);
  await used("a");
  expect(written).toEqual(["a 2026-11-25", "b 2026-11-25", "a 2026-11-26"]);
});
test("a use that cannot be recorded is reported, refuses nothing, and is tried again with the next use", async () => {
  const { written, failures, used, setDown } = fixture();
  setDown(true);
  await used("a");
  expect(failures).toHaveLength(1);
  setDown(false);
  await used("a");
  expect(written).toEqual(["a 2026-11-25"]);
});
