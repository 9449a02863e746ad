import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKS, COVERED_ELSEWHERE, protocolRules } from "@codebox/testing/conformance";
import { describe, expect, test } from "vitest";
import { ROOT } from "../support/registry.ts";

const rules = protocolRules(readFileSync(join(ROOT, "PROTOCOL.md"), "utf8"));
const ids = rules.flatMap((rule) => rule.ids);
const checked = CHECKS.flatMap((check) => check.ids);

describe("PROTOCOL.md and its conformance suite", () => {
  test("every MUST and SHOULD has an id of its own", () => {
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter((rule) => rule.ids.length !== 1 || rule.keywords !== 1).map((rule) => rule.text)).toEqual([]);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });
  test("every id has a check, or a test elsewhere", () => {
    const covered = new Set([...checked, ...Object.keys(COVERED_ELSEWHERE)]);
    expect(ids.filter((id) => !covered.has(id))).toEqual([]);
  });
  test("no id has both", () => {
    expect(Object.keys(COVERED_ELSEWHERE).filter((id) => checked.includes(id))).toEqual([]);
  });
  test("checks and tests elsewhere name only ids that are in PROTOCOL.md", () => {
    expect([...checked, ...Object.keys(COVERED_ELSEWHERE)].filter((id) => !ids.includes(id))).toEqual([]);
  });
  test("the tests elsewhere exist", () => {
    const missing = Object.values(COVERED_ELSEWHERE).filter((file) => !existsSync(join(ROOT, file)));
    expect(missing).toEqual([]);
  });
  test("a rule without an id, with two, or with two keywords is seen", () => {
    const wrong = "- It MUST do this.\n- [ABC-1] [ABC-2] It MUST do that.\n\n| [ABC-3] MUST, and SHOULD |";
    expect(protocolRules(wrong).map((rule) => [rule.ids.length, rule.keywords])).toEqual([[0, 1], [2, 1], [1, 2]]); // prettier-ignore
  });
});
