import { effectOf } from "./changes/index.ts";
import type { Effect } from "./changes/shared/definition.ts";
import type { ChangeEvent } from "./event.ts";
import { withoutArchived } from "./history.ts";
import { DESCRIBING } from "./manifest.ts";
import { own, repaired, stateOf, without, type Packument } from "./packument.ts";
import type { AppliedRecord, CodeboxState } from "./state.ts";

/**
 * The found document, with the changes that a foreign writer removed by writing back what it had read before them.
 *
 * `known` is what this consumer last wrote. What the lost changes touched is taken from it; the rest, also the foreign
 * writer's own edits, stays as found. Returns `found` itself when nothing is missing, or when it has records and none of them
 * is known: then it is far ahead, or somebody put it there on purpose (a backup, a package that was started again).
 *
 * Pure: no clock, no randomness, no I/O. What each kind of change touched is its `restore` in `domain/changes`; a lost change
 * of an unknown kind counts as having touched everything. Reasons and limits: docs/decisions/0009.
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
    _codebox: withOwnFields(recordOf(known, found, lost, later), known, lost, later),
  });
}

/** The changes that we know to be applied and that are missing in the found document's ring, oldest first. */
function lostRecords(known: Packument, found: Packument): readonly AppliedRecord[] {
  const there = new Set(stateOf(found).applied.map(({ id }) => id));
  const { applied } = stateOf(known);
  const common = applied.findLastIndex(({ id }) => there.has(id));
  return common === -1 && there.size > 0 ? [] : applied.slice(common + 1);
}

/** The changes that another consumer applied to the foreign writer's document. It did not know the lost ones. */
function laterRecords(known: Packument, found: Packument): readonly AppliedRecord[] {
  const { applied } = stateOf(known);
  const ids = new Set(applied.map(({ id }) => id));
  const since = applied[0]?.sequence ?? 0;
  return stateOf(found).applied.filter(({ id, sequence }) => sequence >= since && !ids.has(id));
}

/** Whether the ring of the document that we know holds every change that the found document lacks. */
function reachesBack(known: Packument, found: Packument): boolean {
  return stateOf(found).applied.length > 0 || stateOf(known).applied[0]?.sequence === 1;
}

/** The effect of changes that the ring has forgotten: they may have touched every entry that is there. */
function forgotten({ versions, users = {} }: Packument): Effect {
  return { added: Object.keys(versions), tags: "merged", stars: Object.keys(users), fields: ["maintainers"] };
}

/** Which entries are taken from the document that we know: those that lost changes touched, and no later change. */
function choose(known: Packument, found: Packument, lost: readonly AppliedRecord[], later: readonly AppliedRecord[]) {
  const effects = lost.map(effectOf);
  const mine = touchedBy(reachesBack(known, found) ? effects : [forgotten(known), ...effects], known);
  const theirs = touchedBy(later.map(effectOf), found);
  // A change of an unknown kind may have touched any entry that we know, but a later change of the same entry counts more.
  const version = (key: string) =>
    !theirs.versions.has(key) &&
    (mine.versions.has(key) || (mine.anything && !theirs.deprecated.has(key) && Object.hasOwn(known.versions, key)));
  // Records do not name the tags (and stars) that go with a removed version, nor merged tags: in doubt the lost change counts.
  const doubtful = (key: string) => (mine.anything || mine.removed || mine.merged(key)) && !theirs.merged(key);
  const tag = (key: string) => !theirs.tag(key) && (mine.tag(key) || doubtful(key));
  const field = (key: string) =>
    !theirs.fields.has(key) && (mine.fields.has(key) || (mine.anything && !theirs.anything));
  return {
    version,
    tag: (key: string) => tag(key) || (key === "latest" && own(found["dist-tags"], key) === undefined),
    time: (key: string) =>
      version(key) ||
      (key === "modified" && later.length === 0) ||
      (key === "created" && own(found.time, key) === undefined),
    deprecation: (key: string) => mine.deprecated.has(key) && !theirs.deprecated.has(key) && !theirs.versions.has(key),
    user: (key: string) => !theirs.stars.has(key) && (mine.anything || mine.removed || mine.stars.has(key)),
    field: (key: string) => {
      if (FOLLOWS_LATEST.has(key)) return tag("latest");
      return field(key) || (key === "maintainers" && !found.maintainers?.length);
    },
  };
}

/** The fields that repeat those of the latest version: they belong to the document that `latest` is taken from. */
const FOLLOWS_LATEST: ReadonlySet<string> = new Set(["_id", "readme", ...DESCRIBING]);

/** What changes touched together, as far as their effects and the document after them show it. */
function touchedBy(effects: readonly Effect[], { "dist-tags": tags }: Packument) {
  const all = (keys: (effect: Effect) => readonly string[] | undefined) =>
    new Set(effects.flatMap((effect) => keys(effect) ?? []));
  const versions = all(({ added = [], removed = [] }) => [...added, ...removed]);
  const named = new Set(effects.map((effect) => effect.tag));
  const replaced = effects.some((effect) => effect.tags === "replaced");
  const merging = effects.some((effect) => effect.tags === "merged");
  return {
    versions,
    deprecated: all(({ deprecated }) => deprecated),
    stars: all(({ stars }) => stars),
    fields: all(({ fields }) => fields),
    removed: effects.some(({ removed }) => removed !== undefined),
    anything: effects.some(({ anything }) => anything),
    merged: (tag: string) => merging && own(tags, tag) !== undefined,
    tag: (tag: string) => replaced || named.has(tag) || versions.has(own(tags, tag) ?? ""),
  };
}

/** The entries that are ours from the document that we know, the others as found. */
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
 * Those that we know, when the found document only went back. When another consumer continued from there, it used the lost
 * changes' numbers for its own changes: then the lost ones get the numbers after those, and new events with these numbers.
 */
function recordOf(
  known: Packument,
  found: Packument,
  lost: readonly AppliedRecord[],
  later: readonly AppliedRecord[],
): CodeboxState {
  if (later.length === 0) return stateOf(known);
  const state = stateOf(found);
  const renumbered = lost.map((record, index) => ({ ...record, sequence: state.sequence + index + 1 }));
  const shift = state.revision - state.sequence;
  return {
    ...state,
    revision: state.revision + renumbered.length,
    sequence: state.sequence + renumbered.length,
    applied: withoutArchived([...state.applied, ...renumbered], state.archived?.to),
    outbox: [...state.outbox, ...renumbered.map((record) => eventAgain(found.name, record, record.sequence + shift))],
  };
}

const OWN_FIELDS = ["rules", "approvals", "staged"] as const;

/** Rules, approvals and staged versions belong to the document whose changes set them last. */
function withOwnFields(
  state: CodeboxState,
  known: Packument,
  lost: readonly AppliedRecord[],
  later: readonly AppliedRecord[],
): CodeboxState {
  if (later.length === 0) return state;
  const sets = (records: readonly AppliedRecord[], field: (typeof OWN_FIELDS)[number]) =>
    records.map(effectOf).some((effect) => effect.anything === true || effect.state?.includes(field));
  const ours = OWN_FIELDS.filter((field) => sets(lost, field) && !sets(later, field));
  const rest: CodeboxState = without(state, ours);
  const kept = ours.flatMap((field) => (stateOf(known)[field] ? [[field, stateOf(known)[field]] as const] : []));
  return { ...rest, ...Object.fromEntries(kept) };
}

/** The event of a change that got a new number, with the key fields that its record holds. */
function eventAgain(
  name: string,
  { id, sequence, type, at, by, versions, tag }: AppliedRecord,
  revision: number,
): ChangeEvent {
  const data = { name, ...(versions ? { versions } : {}), ...(tag === undefined ? {} : { tag }), truncated: true };
  return { schema: 1, id, name, sequence, revision, type, at, actor: { name: by }, data };
}
