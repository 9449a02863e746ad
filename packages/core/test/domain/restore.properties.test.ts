import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  effectOf,
  own,
  parsePackument,
  restored,
  serializePackument,
  stateOf,
  type Change,
  type Packument,
} from "../../src/index.ts";
import { NAME, changes } from "./arbitraries.ts";
import { deepFreeze, history } from "../support/changes.ts";

const RUNS = 1_000;
const nothing: Packument = parsePackument(NAME, Buffer.from("{}"));

/** What a foreign writer edits in the document that it read. Some edits clash with our changes. */
type Edit = {
  readonly retag: boolean;
  readonly clash: boolean;
  readonly describe: boolean;
  readonly bare: boolean;
};
const edits: fc.Arbitrary<Edit> = fc.record({
  retag: fc.boolean(),
  clash: fc.boolean(),
  describe: fc.boolean(),
  bare: fc.boolean(),
});
function edited(read: Packument, { retag, clash, describe, bare }: Edit): Packument {
  const [any = "9.9.9"] = Object.keys(read.versions);
  const added = (version: string) => ({ [version]: { name: NAME, version, dist: { integrity: "sha512-theirs" } } });
  const { _codebox, ...fields } = read;
  const document = {
    ...fields,
    ...(bare ? {} : { _codebox }),
    ...(describe ? { description: "theirs" } : {}),
    custom: true,
    "dist-tags": { ...read["dist-tags"], foreign: any, ...(retag ? { next: any } : {}) },
    versions: { ...read.versions, ...added("9.9.9"), ...(clash ? added("3.0.0") : {}) },
  } as unknown as Packument;
  return deepFreeze(parsePackument(NAME, serializePackument(document)));
}

type Fields = Readonly<Record<string, unknown>> | undefined;
/** The keys that our changes altered between two documents. */
const altered = (before: Fields, after: Fields): string[] =>
  Object.keys({ ...before, ...after }).filter((key) => !sameJson(own(before, key), own(after, key)));
const sameJson = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const undeprecated = (manifest: object | undefined) => ({ ...manifest, deprecated: undefined });

function expectVersions(before: Packument, known: Packument, again: Packument, spared: ReadonlySet<string>) {
  for (const version of altered(before.versions, known.versions).filter((key) => !spared.has(key))) {
    const [was, is, now] = [before, known, again].map(({ versions }) => own(versions, version));
    if (was && is && sameJson(undeprecated(was), undeprecated(is))) expect(now?.deprecated).toEqual(is.deprecated);
    else expect(now).toEqual(is);
  }
}

const check = <T>(body: (before: Packument, ours: readonly Change[], edit: Edit) => T) =>
  fc.assert(
    fc.property(changes, fc.nat(39), edits, (sequence, at, edit) => {
      body(history(sequence.slice(0, at)).at(-1) ?? nothing, sequence.slice(at), edit);
    }),
    { numRuns: RUNS },
  );

describe("whatever we changed after a foreign writer read, and whatever it writes back", () => {
  test("all our changes are restored, and our record", () => {
    check((before, ours, edit) => {
      const known = history(ours, before).at(-1);
      if (!known) return;
      const again = restored(known, edited(before, edit));
      expectVersions(before, known, again, new Set());
      // When only its version is left, latest points at that.
      const none = (key: string) => key === "latest" && Object.keys(known.versions).length === 0;
      for (const field of ["dist-tags", "time", "users"] as const) {
        const [was, is, now]: Fields[] = [before[field], known[field], again[field]];
        for (const key of altered(was, is).filter((each) => !none(each)))
          expect([key, own(now, key)]).toEqual([key, own(is, key)]);
      }
      for (const field of ["maintainers", "description"].filter((key) => !sameJson(before[key], known[key])))
        expect([field, again[field]]).toEqual([field, known[field]]);
      expect(again._codebox).toEqual(known._codebox);
    });
  });
  test("its own edits stay: versions and fields always, a tag unless our changes removed tags without naming them", () => {
    check((before, ours, edit) => {
      const known = history(ours, before).at(-1);
      if (!known) return;
      const found = edited(before, edit);
      const again = restored(known, found);
      expect(again.versions["9.9.9"]).toEqual(found.versions["9.9.9"]);
      expect(again["custom"]).toBe(true);
      const effects = stateOf(known).applied.map(effectOf);
      const took = effects.some(({ tags, removed }) => tags === "replaced" || removed !== undefined);
      if (!took) expect(again["dist-tags"]["foreign"]).toBe(found["dist-tags"]["foreign"]);
    });
  });
  test("tags name existing versions only, latest among them", () => {
    check((before, ours, edit) => {
      const known = history(ours, before).at(-1);
      const { versions, "dist-tags": tags } = restored(known ?? before, edited(before, edit));
      if (known) expect(own(tags, "latest")).toBeDefined();
      if (known) for (const version of Object.values(tags)) expect(Object.keys(versions)).toContain(version);
    });
  });
  test("restoring is deterministic, and twice changes nothing", () => {
    check((before, ours, edit) => {
      const known = deepFreeze(history(ours, before).at(-1) ?? before);
      const found = edited(before, edit);
      const again = restored(known, found);
      expect(restored(known, found)).toEqual(again);
      expect(restored(known, again)).toBe(again);
    });
  });
  test("what it wrote over our last write, or over a later one, is not changed", () => {
    check((before, ours, edit) => {
      const documents = history(ours, before);
      const last = documents.at(-1);
      if (!last) return;
      const found = edited(last, { ...edit, bare: false });
      for (const known of documents) expect(restored(known, found)).toBe(found);
    });
  });
});

test("when another consumer continued from what it wrote, the changes of both consumers are there, each numbered once", () => {
  fc.assert(
    fc.property(changes, changes, fc.nat(39), edits, (sequence, others, at, edit) => {
      const before = history(sequence.slice(0, at)).at(-1);
      const known = history(sequence.slice(at), before).at(-1);
      const renamed = others.map((change) => ({ ...change, id: `other-${change.id}` }));
      const found = before && history(renamed, edited(before, { ...edit, bare: false })).at(-1);
      if (!before || !known || !found) return;
      const again = restored(known, found);

      const common = stateOf(before).applied.length;
      const [lost, later] = [known, found].map((packument) => stateOf(packument).applied.slice(common));
      const { applied, sequence: last, revision } = stateOf(again);
      expect(applied.map(({ id }) => id)).toEqual([...stateOf(found).applied, ...(lost ?? [])].map(({ id }) => id));
      expect(applied.map((record) => record.sequence)).toEqual(applied.map((_, index) => index + 1));
      expect([last, revision]).toEqual([applied.length, applied.length]);
      expect(restored(known, again)).toBe(again);

      const touched = new Set(later?.flatMap(({ versions = [] }) => versions));
      expectVersions(before, known, again, touched);
      const effects = later?.map(effectOf) ?? [];
      for (const version of effects.flatMap(({ added = [], removed = [] }) => [...added, ...removed]))
        expect(own(again.versions, version)).toEqual(own(found.versions, version));
      for (const tag of effects.flatMap((effect) => effect.tag ?? []))
        if (own(again.versions, own(found["dist-tags"], tag) ?? ""))
          expect(own(again["dist-tags"], tag)).toBe(own(found["dist-tags"], tag));
    }),
    { numRuns: RUNS },
  );
});
