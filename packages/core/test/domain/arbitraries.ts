import fc from "fast-check";
import { approvalOf, changeOf, publishOf, stageOf } from "@codebox/testing";
import { stagingKey, stateOf, type Change, type ChangeOf } from "../../src/index.ts";
import { history } from "../support/changes.ts";

export const NAME = "wire";
const VERSIONS = ["1.0.0", "1.1.0", "2.0.0", "2.0.0-rc.1", "3.0.0", "10.0.0"] as const;
const version = fc.constantFrom(...VERSIONS);
const tag = fc.constantFrom("latest", "next", "beta", "constructor", "toString", "hasOwnProperty", "valueOf");
const tags = fc.dictionary(tag, version, { maxKeys: 4 });
const withLatest = fc.tuple(tags, version).map(([some, latest]) => ({ ...some, latest }));
const baseRevision = fc.nat(12);
const move = fc.record({ from: version, to: version }, { requiredKeys: [] });
const force = fc.boolean();
const owner = fc.record({ name: fc.constantFrom("bob", "carol") });
/** Few ids, so that some changes are replays. */
const id = fc.nat(60).map((number) => `id-${number}`);

/** A version is staged under one id, so that some approvals and rejections are of what is staged. */
const staged = (one: (typeof VERSIONS)[number]) => ({
  stage: `00000000-0000-4000-8000-00000000000${VERSIONS.indexOf(one)}`,
});

type Kind = Change["type"];
type Own<K extends Kind> = Omit<ChangeOf<K>, "schema" | "id" | "name" | "at" | "actor" | "type">;

/** Changes of one kind, from an arbitrary for the fields of the kind. */
function kind<K extends Kind>(type: K, own: fc.Arbitrary<Own<K>>): fc.Arbitrary<ChangeOf<K>> {
  return fc.tuple(id, own).map(([each, fields]) => changeOf(type, NAME, fields, each));
}
const based = { requiredKeys: [] as never[] };

/**
 * Any change of each kind. A new kind without an arbitrary does not compile; with one, all properties cover it.
 *
 * @example fc.property(arbitraries["tag.put"], (change) => …)
 */
export const arbitraries: { readonly [K in Kind]: fc.Arbitrary<ChangeOf<K>> } = {
  "tag.put": kind("tag.put", fc.record({ tag, version })),
  "tag.remove": kind("tag.remove", fc.record({ tag })),
  "tags.replace": kind("tags.replace", fc.record({ tags: fc.oneof(tags, withLatest) })),
  "tags.merge": kind("tags.merge", fc.record({ tags })),
  "tags.undo": kind(
    "tags.undo",
    fc.record({
      undoes: fc.nat(60).map((number) => `id-${number}`),
      sequence: fc.integer({ min: 1, max: 12 }),
      tags: fc.dictionary(tag, move, { minKeys: 1, maxKeys: 3 }),
      force,
    }),
  ),
  "tags.restore": kind(
    "tags.restore",
    fc.record({ tags: fc.oneof(tags, withLatest), since: fc.nat(12), seen: fc.integer({ min: 0, max: 20 }), force }),
  ),
  "tags.approve": kind("tags.approve", fc.record({ tag, version })),
  publish: fc.oneof(
    fc
      .tuple(id, version, fc.uniqueArray(tag, { minLength: 1, maxLength: 2 }))
      .map(([each, published, names]) => publishOf(NAME, published, { id: each, tags: names })),
    fc.tuple(id, version).map(([each, approved]) => approvalOf(stageOf(NAME, approved, staged(approved)), "bob", each)),
  ),
  stage: fc.tuple(id, version).map(([each, one]) => stageOf(NAME, one, { ...staged(one), id: each })),
  "stage.reject": kind("stage.reject", fc.record({ stage: version.map((one) => staged(one).stage) })),
  deprecate: kind(
    "deprecate",
    fc.record(
      { messages: fc.dictionary(version, fc.constantFrom("", "old")), baseRevision },
      { requiredKeys: ["messages"] },
    ),
  ),
  "unpublish.versions": kind(
    "unpublish.versions",
    fc.record(
      { versions: fc.uniqueArray(version, { minLength: 1, maxLength: 2 }), baseRevision },
      { requiredKeys: ["versions"] },
    ),
  ),
  "name.give-back": kind("name.give-back", fc.record({})),
  "unpublish.all": kind("unpublish.all", fc.record({ baseRevision }, based)),
  owners: kind(
    "owners",
    fc.record(
      { maintainers: fc.array(owner, { minLength: 1, maxLength: 2 }), baseRevision },
      { requiredKeys: ["maintainers"] },
    ),
  ),
  "rules.put": kind(
    "rules.put",
    fc.record({
      rules: fc.array(
        fc.record(
          {
            tags: fc.constantFrom("latest", "*", "ne*"),
            movers: fc.constant(["alice"]),
            forward: fc.constant(true as const),
            releases: fc.constant(true as const),
            approvals: fc.constant({ count: 1 }),
          },
          { requiredKeys: ["tags"] },
        ),
        { maxLength: 2 },
      ),
    }),
  ),
  star: kind("star", fc.record({ starred: fc.boolean() })),
};
export const kinds = Object.keys(arbitraries) as readonly Kind[];

/** Packages need versions and tags before most kinds can do anything. */
const WEIGHTS: { readonly [K in Kind]?: number } = { publish: 4, stage: 2, "tag.put": 3 };
const change: fc.Arbitrary<Change> = fc.oneof(
  ...kinds.map((type): fc.WeightedArbitrary<Change> => ({ weight: WEIGHTS[type] ?? 1, arbitrary: arbitraries[type] })),
);

/** What a kind needs just before it to be applied now and then. */
const PREPARED: { readonly [K in Kind]?: fc.Arbitrary<Change[]> } = {
  "name.give-back": fc.subarray<Change>([changeOf("unpublish.all", NAME, {}, "gone")]),
  "tags.approve": fc.subarray<Change>([
    changeOf("rules.put", NAME, { rules: [{ tags: "*", approvals: { count: 2 } }] }, "asks"),
  ]),
};

/** As a real sender: times follow one another, and a publish that is sent again has its tarball uploaded again. */
function sent<C extends Change>(each: C, index: number): C {
  const at = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString();
  return each.type === "publish" && each.stage === undefined
    ? { ...each, at, tarball: { ...each.tarball, staging: stagingKey(`${each.id}-${index}`) } }
    : { ...each, at };
}

/** A sequence of any changes of one package. */
export const changes: fc.Arbitrary<Change[]> = fc
  .array(change, { minLength: 1, maxLength: 40 })
  .map((sequence) => sequence.map(sent));

/** As a sender that read the package before: a restore refuses tags that moved since. */
function afterReading<C extends Change>(each: C, sequence: readonly Change[]): C {
  const before = history(sequence).at(-1);
  return each.type === "tags.restore" && before ? { ...each, seen: stateOf(before).sequence } : each;
}

/**
 * A package with some versions, the others staged, and some changes after these, and then one change of this kind with a new id, in half of
 * the cases from a sender that read the package before.
 */
export function endingWith(type: Kind): fc.Arbitrary<readonly [Change[], Change]> {
  const published = fc
    .shuffledSubarray([...VERSIONS])
    .map((some) =>
      VERSIONS.map((each) =>
        some.includes(each)
          ? publishOf(NAME, each, { id: `first-${each}` })
          : stageOf(NAME, each, { ...staged(each), id: `first-${each}` }),
      ),
    );
  const just = PREPARED[type] ?? fc.constant<Change[]>([]);
  return fc
    .tuple(published, fc.array(change, { maxLength: 10 }), just, arbitraries[type], fc.boolean())
    .map(([first, more, before, given, hasRead]) => {
      const sequence = [...first, ...more, ...before].map(sent);
      const last: Change = hasRead ? afterReading(given, sequence) : given;
      return [sequence, sent({ ...last, id: "last" }, sequence.length)];
    });
}
