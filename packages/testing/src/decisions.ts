import assert from "node:assert/strict";
import { apply, type Applied, type Change, type Packument, type RejectionCode } from "@codebox/core";

type Of<Kind extends Applied["kind"]> = Extract<Applied, { kind: Kind }>;

/** What a test expects of a decision: `applied`, `rejected` or `replayed`. */
export type Expectation<Result extends Applied> = (result: Applied) => Result;

/**
 * A test of one decision: given a package, when a change comes, then it is applied, rejected or replayed.
 *
 * `given` takes a packument, or the changes that make one; `[]` is no package at all. `when` takes a change, or a function
 * that makes it from the packument. `then` returns the result, for further checks.
 *
 * @example given([publishOf("wire", "1.0.0")]).when(tagPut("wire", "next", "9.0.0")).then(rejected("not_found"))
 * @throws when a change that is given is not applied
 */
export function given(start: Packument | readonly Change[]) {
  const before = isChanges(start) ? packumentAfter(start) : start;
  return {
    when(change: Change | ((packument: Packument) => Change)) {
      const result = apply(before, typeof change === "function" ? change(before ?? missing()) : change);
      // Given, when, then is the form that readers know; a test of a pure function awaits nothing.
      // oxlint-disable-next-line unicorn/no-thenable
      return { then: <Result extends Applied>(expected: Expectation<Result>): Result => expected(result) };
    },
  };
}

/**
 * Expects that the change is applied, and that these fields of the packument are then exactly these.
 *
 * @example applied({ "dist-tags": { latest: "1.0.0" } })
 */
export function applied(fields: Partial<Packument> = {}): Expectation<Of<"applied">> {
  return (result) => {
    if (result.kind !== "applied") assert.fail(`expected the change to be applied: ${described(result)}`);
    for (const [field, value] of Object.entries(fields)) assert.deepEqual(result.packument[field], value, field);
    return result;
  };
}

/** Expects that the change is rejected, with this code. */
export function rejected(code: RejectionCode): Expectation<Of<"rejected">> {
  return (result) => {
    if (result.kind !== "rejected") assert.fail(`expected the change to be rejected: ${described(result)}`);
    assert.equal(result.rejection.code, code, result.rejection.message);
    return result;
  };
}

/** Expects that the change was applied before, so that nothing happens. */
export function replayed(): Expectation<Of<"replayed">> {
  return (result) => {
    if (result.kind !== "replayed") assert.fail(`expected the change to be replayed: ${described(result)}`);
    return result;
  };
}

/**
 * The packument after these changes; `undefined` when there are none and no `start`.
 *
 * @throws when one of them is not applied
 */
export function packumentAfter(changes: readonly [Change, ...Change[]], start?: Packument): Packument;
export function packumentAfter(changes: readonly Change[], start: Packument): Packument;
export function packumentAfter(changes: readonly Change[], start?: Packument): Packument | undefined;
export function packumentAfter(changes: readonly Change[], start?: Packument): Packument | undefined {
  return changes.reduce<Packument | undefined>((packument, change) => {
    const result = apply(packument, change);
    if (result.kind !== "applied") assert.fail(`given: ${change.type} ${change.id} was ${described(result)}`);
    return result.packument;
  }, start);
}

function isChanges(start: Packument | readonly Change[]): start is readonly Change[] {
  return Array.isArray(start);
}

function missing(): never {
  assert.fail("given no package, so there is no packument to make the change from");
}

function described(result: Applied): string {
  return result.kind === "rejected" ? `rejected (${result.rejection.code}: ${result.rejection.message})` : result.kind;
}
