import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { definitionOf, effectOf } from "../../src/domain/changes/index.ts";
import {
  Change,
  apply,
  own,
  parsePackument,
  restored,
  serializePackument,
  stateOf,
  type Applied,
  type Packument,
} from "../../src/index.ts";
import { NAME, arbitraries, endingWith, kinds } from "./arbitraries.ts";
import { deepFreeze, history } from "../support/changes.ts";

type Case = { readonly before: Packument | undefined; readonly change: Change };

/** For any package that changes made, and any change of the kind. Both are frozen: an `apply` that altered them would throw. */
const check = (kind: Change["type"], body: (given: Case) => void) =>
  fc.assert(
    fc.property(endingWith(kind), ([sequence, change]) =>
      body({ before: deepFreeze(history(sequence).at(-1)), change: deepFreeze(change) }),
    ),
    { numRuns: 200 },
  );
/** The same, where the change is applied. */
const checkApplied = (
  kind: Change["type"],
  body: (given: Case & { readonly after: Extract<Applied, { kind: "applied" }> }) => void,
) => {
  let count = 0;
  check(kind, ({ before, change }) => {
    const after = apply(before, change);
    if (after.kind !== "applied") return;
    count++;
    body({ before, change, after });
  });
  expect(count, "the arbitrary makes changes that are applied").toBeGreaterThan(0);
};

/** The fields of a packument that are sets of entries, each restored by itself. */
const SETS = ["dist-tags", "versions", "time", "users"] as const;
type Fields = Readonly<Record<string, unknown>> | undefined;
const expectRestored = (before: Fields, known: Fields, again: Fields, where: string) => {
  for (const key of Object.keys({ ...before, ...known })) {
    const [was, is] = [own(before, key), own(known, key)];
    if (JSON.stringify(was) !== JSON.stringify(is)) expect([where, key, own(again, key)]).toEqual([where, key, is]);
  }
};
const withoutSets = (packument: Packument): Fields =>
  Object.fromEntries(Object.entries(packument).filter(([key]) => !(SETS as readonly string[]).includes(key)));

describe.each(kinds)("every change of the kind %s", (kind) => {
  test("is the same after it is serialised as JSON and parsed by the schema", () => {
    fc.assert(
      fc.property(arbitraries[kind], (change) => {
        expect(Change.parse(JSON.parse(JSON.stringify(change)))).toEqual(change);
      }),
    );
  });
  test("is applied with the same result each time", () => {
    check(kind, ({ before, change }) => {
      expect(apply(before, change)).toEqual(apply(before, change));
    });
  });
  test("changes nothing when it is replayed", () => {
    checkApplied(kind, ({ change, after: { packument } }) => {
      expect(apply(packument, change)).toMatchObject({ kind: "replayed", record: { id: change.id, type: kind } });
    });
  });
  test("has an event with the name, its key fields and the tags", () => {
    checkApplied(kind, ({ change, after: { event, packument } }) => {
      const { key } = definitionOf(change).eventData(change, packument);
      expect(event.data).toMatchObject({ name: NAME, ...key, "dist-tags": packument["dist-tags"] });
    });
  });
  test("has a record that says what it touched", () => {
    checkApplied(kind, ({ after: { packument } }) => {
      const record = stateOf(packument).applied.at(-1);
      expect(record).toMatchObject({ id: "last", type: kind });
      const effect = record && effectOf(record);
      expect(effect).not.toEqual({});
      expect(effect?.anything).toBeUndefined();
    });
  });
  test("is restored in full after a stale foreign write, which keeps its own edits", () => {
    checkApplied(kind, ({ before, after: { packument: known } }) => {
      if (!before) return;
      const foreign = {
        ...before,
        custom: true,
        versions: { ...before.versions, "9.9.9": { name: NAME, version: "9.9.9" } },
      };
      const found = deepFreeze(parsePackument(NAME, serializePackument(foreign)));
      const again = restored(deepFreeze(known), found);
      // Where only the foreign writer's version is left, latest points at that.
      const left = Object.keys(known.versions).length > 0;
      for (const field of SETS)
        if (left || field !== "dist-tags") expectRestored(before[field], known[field], again[field], field);
      expectRestored(withoutSets(before), withoutSets(known), withoutSets(again), "top");
      expect(again).toMatchObject({ custom: true, versions: { "9.9.9": { version: "9.9.9" } } });
    });
  });
});
