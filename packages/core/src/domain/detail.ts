import { sha256Hex } from "./digest.ts";
import { DETAIL_INLINE_MAX } from "./limits.ts";
import type { TagRule } from "./tag-rule.ts";
import { own, ownersOf, stateOf, without, type DistTags, type Packument } from "./packument.ts";
import type { AppliedRecord, ChangeDetail, DetailPlace, Moved } from "./state.ts";

/** A detail that is too large for index.json: its JSON, and the SHA-256 by which the record names it. */
export type SpilledDetail = { readonly sha256: string; readonly json: string };

/**
 * The detail of a change, as fields of its record. A detail of more than `DETAIL_INLINE_MAX` is named by its SHA-256; `spilled`
 * then has to be stored before the record is.
 *
 * @param versions those whose deprecation the change may have touched
 * @example detailFields(before, after, []) // { fields: { detail: { tags: { next: { to: "1.1.0" } } } } }
 */
export function detailFields(
  before: Packument | undefined,
  after: Packument,
  versions: readonly string[],
): {
  readonly fields: { readonly detail?: ChangeDetail; readonly detailIn?: DetailPlace };
  readonly spilled?: SpilledDetail;
} {
  const detail = detailOf(before, after, versions);
  if (Object.keys(detail).length === 0) return { fields: {} };
  const json = JSON.stringify(detail);
  if (json.length <= DETAIL_INLINE_MAX) return { fields: { detail } };
  const sha256 = sha256Hex(json);
  const of = Object.keys(detail) as (keyof ChangeDetail)[];
  return { fields: { detailIn: { sha256, of } }, spilled: { sha256, json } };
}

function detailOf(before: Packument | undefined, after: Packument, versions: readonly string[]): ChangeDetail {
  const tags = movedTags(before?.["dist-tags"] ?? {}, after["dist-tags"]);
  const deprecated = entries(versions, (version) => {
    const [was, is] = [own(before?.versions, version), own(after.versions, version)];
    return was && is ? moved(was.deprecated, is.deprecated) : undefined;
  });
  const [was, is] = [before ? ownersOf(before) : [], ownersOf(after)];
  const owners = was.join() === is.join() ? undefined : { ...(before ? { from: was } : {}), to: is };
  const staged = movedTags(idsOfStaged(before), idsOfStaged(after));
  const rules = movedRules(stateOf(before).rules, stateOf(after).rules);
  return {
    ...(tags ? { tags } : {}),
    ...(deprecated ? { deprecated } : {}),
    ...(owners ? { owners } : {}),
    ...(rules ? { rules } : {}),
    ...(staged ? { staged } : {}),
  };
}

/** Version → id of what is staged. */
function idsOfStaged(packument: Packument | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries((stateOf(packument).staged ?? []).map(({ version, id }) => [version, id]));
}

/**
 * Whether a record says that its change moved tags.
 *
 * @param tag only this tag counts. A detail that is not in the document may name any tag.
 * @example movesTags(record, "latest")
 */
export function movesTags({ detail, detailIn }: AppliedRecord, tag?: string): boolean {
  if (detailIn?.of.includes("tags") === true) return true;
  return tag === undefined ? detail?.tags !== undefined : own(detail?.tags, tag) !== undefined;
}

/**
 * The tags that differ between two sets; `undefined` when none does.
 *
 * @example movedTags({ next: "1.0.0" }, { next: "1.1.0" }) // { next: { from: "1.0.0", to: "1.1.0" } }
 */
export function movedTags(before: DistTags, after: DistTags): Readonly<Record<string, Moved>> | undefined {
  return entries(Object.keys({ ...before, ...after }), (tag) => moved(own(before, tag), own(after, tag)));
}

/** The tags before these moves: each goes back to `from`, or away when it was new. */
export function movedBack(
  tags: DistTags,
  moves: Readonly<Record<string, { readonly from?: string | undefined }>>,
): DistTags {
  const returned = Object.entries(moves).flatMap(([tag, { from }]) =>
    from === undefined ? [] : [[tag, from] as const],
  );
  return { ...without(tags, Object.keys(moves)), ...Object.fromEntries(returned) };
}

function moved(from: string | undefined, to: string | undefined): Moved | undefined {
  if (from === to) return undefined;
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function entries(keys: readonly string[], move: (key: string) => Moved | undefined) {
  const found = keys.flatMap((key) => {
    const one = move(key);
    return one ? [[key, one] as const] : [];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** The rules are replaced as a whole: the same array is the same rules. */
function movedRules(from: readonly TagRule[] | undefined, to: readonly TagRule[] | undefined): ChangeDetail["rules"] {
  if (from === to) return undefined;
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) };
}
