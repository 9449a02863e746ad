import process from "node:process";
import { describe, test } from "vitest";
import { AREAS } from "./areas/index.ts";
import { runArea } from "./support/area.ts";

const { FUZZ_SEED, FUZZ_PATH } = process.env;
/** The same cases each time, so that no change fails for what another one did. `npm run fuzz` takes new ones. */
const seed = Number(FUZZ_SEED ?? 1);

describe(`fuzzing (seed ${seed})`, () => {
  test.each(AREAS.map((area) => [area.name, area.rule, area] as const))("%s: %s", async (_name, _rule, area) => {
    await runArea(area, { seed, path: FUZZ_PATH, runs: area.runs });
  });
});
