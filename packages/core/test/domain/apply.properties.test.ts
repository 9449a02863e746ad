import { createMemoryBackend, openPolicy } from "@codebox/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { publishOf, tagPut } from "@codebox/testing";
import { NAME, changes } from "./arbitraries.ts";
import { history } from "../support/changes.ts";
import {
  APPLIED_RING,
  HISTORY_SEGMENT,
  apply,
  createConsumer,
  createPackumentReader,
  own,
  parsePackument,
  segmentsToArchive,
  serializePackument,
  stateOf,
  withArchived,
  withoutEmitted,
  type Change,
  type CodeboxState,
  type Packument,
} from "../../src/index.ts";
import { systemClock } from "@codebox/system";
import { stage } from "@codebox/testing";

const check = (property: fc.IProperty<[Change[]]>) => fc.assert(property, { numRuns: 300 });

describe("for any changes, in any order", () => {
  test("apply is deterministic, and alters none of its arguments", () => {
    check(
      fc.property(changes, (sequence) => {
        expect(history(sequence)).toEqual(history(sequence));
      }),
    );
  });
  test("a replayed change does nothing", () => {
    check(
      fc.property(changes, (sequence) => {
        const last = history(sequence).at(-1);
        for (const { id } of stateOf(last).applied) {
          const replayed = sequence.find((candidate) => candidate.id === id);
          if (replayed && last) expect(apply(last, replayed)).toMatchObject({ kind: "replayed", packument: last });
        }
      }),
    );
  });
  test("latest always names an existing version, and so does every tag", () => {
    check(
      fc.property(changes, (sequence) => {
        for (const { versions, ...packument } of history(sequence)) {
          const named = packument["dist-tags"];
          if (Object.keys(versions).length > 0) expect(own(named, "latest")).toBeDefined();
          for (const [name, tagged] of Object.entries(named)) expect(Object.hasOwn(versions, tagged), name).toBe(true);
        }
      }),
    );
  });
  test("sequence and revision increase by one, the ring ends with the last change, and has every id once", () => {
    check(
      fc.property(changes, (sequence) => {
        history(sequence).forEach((packument, index) => {
          const { applied, ...state } = stateOf(packument);
          expect([state.sequence, state.revision]).toEqual([index + 1, index + 1]);
          expect(applied.at(-1)?.sequence).toBe(index + 1);
          expect(new Set(applied.map(({ id }) => id)).size).toBe(applied.length);
        });
      }),
    );
  });
  test("unknown fields are kept, at the top, in versions and in our own state", () => {
    const start: Packument = {
      name: NAME,
      "dist-tags": { latest: "0.1.0" },
      versions: { "0.1.0": { name: NAME, version: "0.1.0", custom: [1] } },
      custom: { deep: true },
      _codebox: { schema: 1, revision: 0, sequence: 0, applied: [], outbox: [], later: "field" } as CodeboxState,
    };
    check(
      fc.property(changes, (sequence) => {
        for (const packument of history(sequence, start)) {
          expect(packument["custom"]).toEqual({ deep: true });
          expect(stateOf(packument)).toMatchObject({ later: "field" });
          const kept = own(packument.versions, "0.1.0");
          if (kept) expect(kept["custom"]).toEqual([1]);
        }
      }),
    );
  });
  test("a document is the same after it is stored and read", () => {
    check(
      fc.property(changes, (sequence) => {
        for (const packument of history(sequence))
          expect(parsePackument(NAME, serializePackument(packument))).toEqual(packument);
      }),
    );
  });
  test("no prototype is altered", () => {
    check(
      fc.property(changes, (sequence) => {
        history(sequence);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });
});

test("the ring remembers the last changes, and before them only those that are not in the store's history", () => {
  const sequence = [
    publishOf(NAME, "1.0.0"),
    ...Array.from({ length: APPLIED_RING + 10 }, (_, index) => tagPut(NAME, `t-${index % 5}`, "1.0.0")),
  ];
  const last = history(sequence).at(-1) ?? expect.fail("no document");
  expect(stateOf(last).applied).toHaveLength(sequence.length);
  const segments = segmentsToArchive(last);
  expect(segments.map(({ first, records }) => [first, records.length])).toEqual([
    [1, HISTORY_SEGMENT],
    [1 + HISTORY_SEGMENT, HISTORY_SEGMENT],
  ]);
  expect(stateOf(withArchived(last, segments)).applied).toHaveLength(APPLIED_RING);
  expect(stateOf(withArchived(last, segments.slice(0, 1))).applied[0]?.sequence).toBe(
    sequence.length - APPLIED_RING + 1,
  );
});

test("a batch gives the same result as one by one, for any split", async () => {
  await fc.assert(
    fc.asyncProperty(
      changes,
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 40 }),
      async (sequence, sizes) => {
        const consume = async (splits: readonly number[]): Promise<Packument | undefined> => {
          const embedded = createMemoryBackend({ clock: systemClock });
          const reader = createPackumentReader(embedded.store);
          const consumer = createConsumer({ ...embedded, policy: openPolicy, reader, clock: systemClock });
          for (const each of sequence) if (each.type === "publish") await stage(embedded.store, each);
          for (let at = 0, turn = 0; at < sequence.length; turn++) {
            const size = splits[turn % splits.length] ?? 1;
            await consumer(NAME, sequence.slice(at, at + size));
            at += size;
          }
          const read = await reader.read(NAME);
          await embedded.close();
          return read && withoutEmitted(read.packument, new Set(stateOf(read.packument).outbox.map(({ id }) => id)));
        };
        expect(await consume(sizes)).toEqual(await consume([1]));
      },
    ),
    { numRuns: 40 },
  );
});
