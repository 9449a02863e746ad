import { changes, failures } from "./changes.ts";
import type { Check } from "./check.ts";
import { identity, other } from "./other.ts";
import { packages } from "./packages.ts";
import { amending, publishing } from "./publishing.ts";
import { tags } from "./tags.ts";

export { registryUnderTest, Skipped, type Check, type ConformanceOptions, type RegistryUnderTest } from "./check.ts";
export { COVERED_ELSEWHERE } from "./covered.ts";

/** Every check of PROTOCOL.md, in the order of its sections. */
export const CHECKS: readonly Check[] = [
  ...changes,
  ...failures,
  ...tags,
  ...packages,
  ...publishing,
  ...amending,
  ...identity,
  ...other,
];
