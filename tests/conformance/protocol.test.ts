import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKS, COVERED_ELSEWHERE } from "@codebox/testing/conformance";
import { ROOT } from "../support/registry.ts";

const text = readFileSync(join(ROOT, "PROTOCOL.md"), "utf8");
const rules = [...text.matchAll(/\[([A-Z]{3}-\d+)\]/g)].map(([, id]) => id ?? "");
/** The page without its introduction, which explains the words. */
const contract = text.slice(text.indexOf("[NAM-1]"));

test("every MUST and SHOULD of PROTOCOL.md is in a rule with an id", () => {
  const items = contract.split(/\n(?=- |\| |\n|#)/);
  const bare = items.filter((item) => /\b(MUST|SHOULD)\b/.test(item) && !/\[[A-Z]{3}-\d+\]/.test(item));
  expect(bare).toEqual([]);
});
test("every rule has a check, or the test that covers it", () => {
  const checked = new Set([...CHECKS.flatMap(({ ids }) => ids), ...Object.keys(COVERED_ELSEWHERE)]);
  // A rule may name another one: `unless [PKG-2] applies`.
  expect([...new Set(rules)].filter((id) => !checked.has(id))).toEqual([]);
});
test("no check names a rule that does not exist", () => {
  const known = new Set(rules);
  const named = [...CHECKS.flatMap(({ ids }) => ids), ...Object.keys(COVERED_ELSEWHERE)];
  expect(named.filter((id) => !known.has(id))).toEqual([]);
});
test("the tests that cover the other rules exist", () => {
  expect(Object.values(COVERED_ELSEWHERE).filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
