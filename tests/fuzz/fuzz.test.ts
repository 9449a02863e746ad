import process from "node:process";
import { describe, test } from "vitest";
import { AREAS } from "./areas/index.ts";
import { newSeed, runArea } from "./support/area.ts";

const { FUZZ_SEED, FUZZ_PATH } = process.env;
const seed = FUZZ_SEED === undefined ? newSeed() : Number(FUZZ_SEED);

describe(`fuzzing (seed ${seed})`, () => {
  test.each(AREAS.map((area) => [area.name, area.rule, area] as const))("%s: %s", async (_name, _rule, area) => {
    await runArea(area, { seed, path: FUZZ_PATH, runs: area.runs });
  });
});
