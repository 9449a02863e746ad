import { fail } from "@codebox/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changeOf, publishOf, tagPut } from "@codebox/testing";
import {
  APPLIED_RING, apply, createConsumer, createPackumentReader, own, parsePackument, serializePackument, stagingKey, stateOf, withoutEmitted,
  type Change, type CodeboxState, type Packument,
} from "../src/index.ts"; // prettier-ignore
import { openEmbedded, systemClock } from "@codebox/embedded";
import { stage } from "@codebox/testing";

const NAME = "wire";
const version = fc.constantFrom("1.0.0", "1.1.0", "2.0.0", "2.0.0-rc.1", "3.0.0", "10.0.0");
const tag = fc.constantFrom("latest", "next", "beta", "constructor", "toString", "hasOwnProperty", "valueOf");
const tags = fc.dictionary(tag, version, { maxKeys: 4 });
const revision = fc.option(fc.nat(12), { nil: undefined });
const based = (baseRevision: number | undefined) => (baseRevision === undefined ? {} : { baseRevision });

/** Any change; ids may repeat, so that replays are among them. */
const change: fc.Arbitrary<Change> = fc
  .tuple(
    fc.integer({ min: 0, max: 60 }).map((number) => `id-${number}`),
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant("publish" as const),
          version,
          tags: fc.uniqueArray(tag, { minLength: 1, maxLength: 2 }),
        }),
      },
      { weight: 3, arbitrary: fc.record({ type: fc.constant("tag.put" as const), tag, version }) },
      fc.record({ type: fc.constant("tag.remove" as const), tag }),
      fc.record({ type: fc.constant("tags.replace" as const), tags }),
      fc.record({ type: fc.constant("tags.merge" as const), tags }),
      fc.record({
        type: fc.constant("deprecate" as const),
        messages: fc.dictionary(version, fc.constantFrom("", "old")),
        revision,
      }),
      fc.record({
        type: fc.constant("unpublish.versions" as const),
        versions: fc.uniqueArray(version, { minLength: 1, maxLength: 2 }),
        revision,
      }),
      fc.record({ type: fc.constant("unpublish.all" as const), revision }),
      fc.record({ type: fc.constant("owners" as const), revision }),
      fc.record({ type: fc.constant("star" as const), starred: fc.boolean() }),
    ),
  )
  .map(([id, what]): Change => {
    switch (what.type) {
      case "publish":
        return publishOf(NAME, what.version, { id, tags: what.tags });
      case "tag.put":
        return tagPut(NAME, what.tag, what.version, id);
      case "deprecate":
        return changeOf("deprecate", NAME, { messages: what.messages, ...based(what.revision) }, id);
      case "unpublish.versions":
        return changeOf("unpublish.versions", NAME, { versions: what.versions, ...based(what.revision) }, id);
      case "unpublish.all":
        return changeOf("unpublish.all", NAME, based(what.revision), id);
      case "owners":
        return changeOf("owners", NAME, { maintainers: [{ name: "bob" }], ...based(what.revision) }, id);
      case "star":
        return changeOf("star", NAME, { starred: what.starred }, id);
      case "tag.remove":
        return changeOf("tag.remove", NAME, { tag: what.tag }, id);
      default:
        return changeOf(what.type, NAME, { tags: what.tags }, id);
    }
  });
/** Whoever sends a publish again, under the same id too, uploads its tarball anew. */
const uploadedAnew = (each: Change, index: number): Change =>
  each.type === "publish"
    ? { ...each, tarball: { ...each.tarball, staging: stagingKey(`${each.id}-${index}`) } }
    : each;
const changes = fc.array(change, { minLength: 1, maxLength: 40 }).map((sequence) => sequence.map(uploadedAnew));

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
/** Every document on the way, frozen: an `apply` that altered its input would throw. */
function history(sequence: readonly Change[], start?: Packument): Packument[] {
  const documents: Packument[] = [];
  let packument = start;
  for (const next of sequence) {
    const result = apply(packument && deepFreeze(packument), deepFreeze(next));
    if (result.kind === "applied") documents.push((packument = result.packument));
  }
  return documents;
}
const check = (property: fc.IProperty<[Change[]]>) => fc.assert(property, { numRuns: 300 });

describe("whatever changes come, in whatever order", () => {
  test("apply is deterministic, and alters nothing that it is given", () => {
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
  test("sequence and revision rise by one, the ring ends with the last, and every id stands in it once", () => {
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
  test("unknown fields survive, at the top, in versions and in our own state", () => {
    const start: Packument = {
      name: NAME, "dist-tags": { latest: "0.1.0" }, versions: { "0.1.0": { name: NAME, version: "0.1.0", custom: [1] } }, custom: { deep: true },
      _codebox: { schema: 1, revision: 0, sequence: 0, applied: [], outbox: [], later: "field" } as CodeboxState,
    }; // prettier-ignore
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
  test("a document is the same after it was stored and read", () => {
    check(
      fc.property(changes, (sequence) => {
        for (const packument of history(sequence))
          expect(parsePackument(NAME, serializePackument(packument))).toEqual(packument);
      }),
    );
  });
  test("no prototype is touched", () => {
    check(
      fc.property(changes, (sequence) => {
        history(sequence);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });
});

test("the ring remembers the last changes, and no more", () => {
  const sequence = [
    publishOf(NAME, "1.0.0"),
    ...Array.from({ length: APPLIED_RING + 10 }, (_, index) => tagPut(NAME, `t-${index % 5}`, "1.0.0")),
  ];
  expect(stateOf(history(sequence).at(-1)).applied).toHaveLength(APPLIED_RING);
});

test("a batch is the same as one by one, for any split", async () => {
  await fc.assert(
    fc.asyncProperty(
      changes,
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 40 }),
      async (sequence, sizes) => {
        const consume = async (splits: readonly number[]): Promise<Packument | undefined> => {
          const embedded = await openEmbedded({ directory: ":memory:", onFailure: fail, clock: systemClock });
          const reader = createPackumentReader(embedded.store);
          const consumer = createConsumer({ ...embedded, reader, clock: systemClock });
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
