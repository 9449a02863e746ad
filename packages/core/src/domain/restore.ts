import type { Change } from "./change.ts";
import type { ChangeEvent } from "./event.ts";
import { APPLIED_RING } from "./limits.ts";
import {
  DESCRIBING,
  own,
  repaired,
  stateOf,
  type AppliedRecord,
  type CodeboxState,
  type Packument,
} from "./packument.ts";

/**
 * The found document, with the changes that a foreign writer undid by writing back what he had read before them.
 *
 * `known` is what this consumer last wrote. What the lost changes touched is taken over from it; the rest, the foreign
 * writer's own edits, stays as found. `found` itself when it lacks nothing, or when it has records and none of them is known: then
 * it is far ahead, or somebody put it there on purpose (a backup, a package begun anew).
 *
 * Pure: no clock, no randomness, no I/O. Why, and where it ends: docs/decisions/0009.
 *
 * @example restored(known, found) === found // nothing of ours is missing
 */
export function restored(known: Packument, found: Packument): Packument {
  const lost = lostRecords(known, found);
  if (lost.length === 0) return found;
  const later = laterRecords(known, found);
  const ours = choose(known, found, lost, later);
  const users = found.users || known.users ? { users: merged(found.users, known.users, ours.user) } : {};
  return repaired({
    ...(merged(found, known, ours.field) as Packument),
    "dist-tags": merged(found["dist-tags"], known["dist-tags"], ours.tag),
    versions: deprecatedAs(known, merged(found.versions, known.versions, ours.version), ours.deprecation),
    time: merged(found.time, known.time, ours.time),
    ...users,
    _codebox: recordOf(known, found, lost, later),
  });
}

/** The changes that we know to be applied and that are not in the found document's ring, oldest first. */
function lostRecords(known: Packument, found: Packument): readonly AppliedRecord[] {
  const there = new Set(stateOf(found).applied.map(({ id }) => id));
  const { applied } = stateOf(known);
  const common = applied.findLastIndex(({ id }) => there.has(id));
  return common === -1 && there.size > 0 ? [] : applied.slice(common + 1);
}

/** The changes that another consumer, which knew nothing of the lost ones, applied to what the foreign writer had left. */
function laterRecords(known: Packument, found: Packument): readonly AppliedRecord[] {
  const { applied } = stateOf(known);
  const ids = new Set(applied.map(({ id }) => id));
  const since = applied[0]?.sequence ?? 0;
  return stateOf(found).applied.filter(({ id, sequence }) => sequence >= since && !ids.has(id));
}

/** Whether the ring of what we know holds every change that the found document lacks. */
function reachesBack(known: Packument, found: Packument): boolean {
  return stateOf(found).applied.length > 0 || stateOf(known).applied[0]?.sequence === 1;
}

type Effect = Pick<AppliedRecord, "type" | "versions" | "tag"> & { readonly by?: string };

/** What the ring has forgotten may have touched all that is there. */
function everything({ versions, users = {} }: Packument): readonly Effect[] {
  const stars = Object.keys(users).map((by) => ({ type: "star", by }));
  return [{ type: "publish", versions: Object.keys(versions) }, { type: "tags.merge" }, { type: "owners" }, ...stars];
}

/** Which entries are taken over from what is known: those that the lost changes touched, and no later one after them. */
function choose(known: Packument, found: Packument, lost: readonly AppliedRecord[], later: readonly AppliedRecord[]) {
  const mine = touchedBy(reachesBack(known, found) ? lost : [...everything(known), ...lost], known);
  const theirs = touchedBy(later, found);
  const version = (key: string) => mine.versions.has(key) && !theirs.versions.has(key);
  // An unpublish takes tags (and a package's stars) away without naming them, a merge names none: in doubt the lost change counts.
  const doubtful = (key: string) => (mine.unpublished || mine.merged(key)) && !theirs.merged(key);
  const tag = (key: string) => !theirs.tag(key) && (mine.tag(key) || doubtful(key));
  const owners = (mine.owners && !theirs.owners) || !found.maintainers?.length;
  const fields = new Set<string>([
    ...(tag("latest") ? ["_id", "readme", ...DESCRIBING] : []),
    ...(owners ? ["maintainers"] : []),
  ]);
  return {
    version,
    tag: (key: string) => tag(key) || (key === "latest" && own(found["dist-tags"], key) === undefined),
    time: (key: string) =>
      version(key) ||
      (key === "modified" && later.length === 0) ||
      (key === "created" && own(found.time, key) === undefined),
    deprecation: (key: string) => mine.deprecated.has(key) && !theirs.deprecated.has(key) && !theirs.versions.has(key),
    user: (key: string) => (mine.unpublished || mine.stars.has(key)) && !theirs.stars.has(key),
    field: (key: string) => fields.has(key),
  };
}

/** What changes touched, as far as their records and the document after them tell. */
function touchedBy(records: readonly Effect[], { "dist-tags": tags }: Packument) {
  const of = (...types: readonly Change["type"][]) =>
    records.filter(({ type }) => (types as readonly string[]).includes(type));
  const versionsOf = (effects: readonly Effect[]) => new Set(effects.flatMap((effect) => effect.versions ?? []));
  const unpublishes = of("unpublish.versions", "unpublish.all");
  const versions = versionsOf([...of("publish"), ...unpublishes]);
  const named = new Set(records.map((record) => record.tag));
  const replaced = of("tags.replace").length > 0;
  const merging = of("tags.merge").length > 0;
  return {
    versions,
    deprecated: versionsOf(of("deprecate")),
    owners: of("owners").length > 0,
    stars: new Set(of("star").map(({ by }) => by)),
    unpublished: unpublishes.length > 0,
    merged: (tag: string) => merging && own(tags, tag) !== undefined,
    tag: (tag: string) => replaced || named.has(tag) || versions.has(own(tags, tag) ?? ""),
  };
}

/** The entries of ours from what is known, the others as found. */
function merged<T>(
  found: Readonly<Record<string, T>> = {},
  known: Readonly<Record<string, T>> = {},
  ours: (key: string) => boolean,
): Record<string, T> {
  return Object.fromEntries([
    ...Object.entries(found).filter(([key]) => !ours(key)),
    ...Object.entries(known).filter(([key]) => ours(key)),
  ]);
}

function deprecatedAs(
  known: Packument,
  versions: Packument["versions"],
  ours: (version: string) => boolean,
): Packument["versions"] {
  return Object.fromEntries(
    Object.entries(versions).map(([version, manifest]) => {
      const as = own(known.versions, version);
      if (!as || !ours(version)) return [version, manifest];
      const { deprecated: _, ...fields } = manifest;
      return [version, as.deprecated === undefined ? fields : { ...manifest, deprecated: as.deprecated }];
    }),
  ) as Packument["versions"];
}

/**
 * Ring, revision, sequence and outbox of the restored document.
 *
 * Those of what is known, when the found one merely went back. When another consumer went on from there, it gave the lost
 * changes' numbers away: then they are recorded anew behind its changes, and announced with their new numbers.
 */
function recordOf(
  known: Packument,
  found: Packument,
  lost: readonly AppliedRecord[],
  later: readonly AppliedRecord[],
): CodeboxState {
  if (later.length === 0) return stateOf(known);
  const state = stateOf(found);
  const anew = lost.map((record, index) => ({ ...record, sequence: state.sequence + index + 1 }));
  const shift = state.revision - state.sequence;
  return {
    ...state,
    revision: state.revision + anew.length,
    sequence: state.sequence + anew.length,
    applied: [...state.applied, ...anew].slice(-APPLIED_RING),
    outbox: [...state.outbox, ...anew.map((record) => announced(found.name, record, record.sequence + shift))],
  };
}

/** The event of a change recorded anew: its key fields, which are all that its record holds. */
function announced(
  name: string,
  { id, sequence, type, at, by, ...fields }: AppliedRecord,
  revision: number,
): ChangeEvent {
  const data = { name, ...fields, truncated: true };
  return { schema: 1, id, name, sequence, revision, type: type as Change["type"], at, actor: { name: by }, data };
}
