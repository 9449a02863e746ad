import fc from "fast-check";
import { changeOf, publishOf, tagPut } from "@codebox/testing";
import { apply, stagingKey, type Change, type Packument } from "../../src/index.ts";

export const NAME = "wire";
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
/** A sequence of any changes of one package. */
export const changes = fc.array(change, { minLength: 1, maxLength: 40 }).map((sequence) => sequence.map(uploadedAnew));

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
/** Every document on the way, frozen: an `apply` that altered its input would throw. */
export function history(sequence: readonly Change[], start?: Packument): Packument[] {
  const documents: Packument[] = [];
  let packument = start;
  for (const next of sequence) {
    const result = apply(packument && deepFreeze(packument), deepFreeze(next));
    if (result.kind === "applied") documents.push((packument = result.packument));
  }
  return documents;
}
