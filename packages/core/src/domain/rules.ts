import semver from "semver";
import { movedTags } from "./detail.ts";
import { isoOf, millisecondsOf } from "./instants.ts";
import type { Rejection } from "./outcome.ts";
import {
  isRecord,
  own,
  ownersOf,
  stateOf,
  type AppliedRecord,
  type ChangeDetail,
  type Manifest,
  type Moved,
  type Packument,
} from "./packument.ts";
import { frozenUntil, matchesTag, type TagRule } from "./tag-rule.ts";

/**
 * Whether a user belongs to a team. Teams are kept elsewhere; whoever calls `apply` passes what is known of them.
 *
 * @example (team, user) => teams.get(team)?.has(user) ?? false
 */
export type IsMember = (team: string, user: string) => boolean;

/** No teams are known. */
export const NO_TEAMS: IsMember = () => false;

/** A move of one tag, and what the rules need to know about it. */
export type RuledMove = Moved & {
  readonly tag: string;
  /** When the change was accepted, ISO 8601 in UTC. */
  readonly at: string;
  /** The name of the actor. */
  readonly by: string;
  /** The change takes back a recorded move: the tag returns to where it was allowed to be. */
  readonly returns: boolean;
};

/** What of a change the rules look at, whatever its kind. `undoes`: the id of the change that an undo takes back. */
type RuledChange = {
  readonly type: string;
  readonly at: string;
  readonly actor: { readonly name: string };
  readonly undoes?: string;
};

/**
 * Why the rules of the package refuse what a change does to its tags; `undefined`: they admit it.
 *
 * Every kind of change is judged by what it does, so that none goes round a rule: a publish sets tags, an unpublish moves `latest`.
 *
 * @param after the packument that the change's kind decided
 */
export function refusedByRules(
  before: Packument | undefined,
  after: Packument,
  change: RuledChange,
  isMember: IsMember,
): Rejection | undefined {
  const { rules = [] } = stateOf(before);
  if (before === undefined || rules.length === 0 || change.type === "unpublish.all") return undefined;
  const moves = movedTags(before["dist-tags"], after["dist-tags"]) ?? {};
  for (const [tag, move] of Object.entries(moves)) {
    const returns = change.undoes !== undefined && isRecorded(before, change.undoes, tag);
    const ruled = { tag, ...move, at: change.at, by: change.actor.name, returns };
    const reason = refusalOfMove(rules, ruled, after, isMember);
    if (reason === undefined) continue;
    const hint = change.type === "publish" ? '; publish under another tag: "--tag next"' : "";
    return { code: "forbidden", message: `${reason}${hint}` };
  }
  return undefined;
}

/** Whether the ring has the change that an undo takes back, with this tag. The kind has compared the versions. */
function isRecorded(before: Packument, id: string, tag: string): boolean {
  const record = stateOf(before).applied.find((one) => one.id === id);
  return own(record?.detail?.tags, tag) !== undefined;
}

/**
 * Why rules refuse a move of a tag, as one line: what is not allowed, by which rule, and who can do something about it.
 *
 * @param packument has the versions and the owners. What it does not say about a version that is gone is no reason.
 * @example refusalOfMove(rules, move, packument, NO_TEAMS) // '"latest" of wire only moves forward, … (rule "latest"); …'
 */
export function refusalOfMove(
  rules: readonly TagRule[],
  move: RuledMove,
  packument: Packument,
  isMember: IsMember,
): string | undefined {
  for (const rule of rules) {
    if (!matchesTag(rule, move.tag)) continue;
    const problem = problemOf(rule, move, packument, isMember);
    if (problem === undefined) continue;
    const note = rule.note === undefined ? "" : `: ${rule.note}`;
    return `"${move.tag}" of ${packument.name} ${problem.is} (rule "${rule.tags}"${note}); ${problem.fix ?? whoChanges(packument)}`;
  }
  return undefined;
}

/** What is not allowed, and how to go on. Default of `fix`: ask an owner. */
type Problem = { readonly is: string; readonly fix?: string };

function problemOf(rule: TagRule, move: RuledMove, packument: Packument, isMember: IsMember): Problem | undefined {
  const { from, to, at, by } = move;
  const { movers } = rule;
  if (movers && !movers.some((mover) => (mover.startsWith("team:") ? isMember(mover.slice(5), by) : mover === by)))
    return { is: `is not moved by ${by}`, fix: `ask one of ${movers.slice(0, NAMES_SHOWN).join(", ")}` };
  for (const freeze of rule.freeze ?? []) {
    const until = frozenUntil(freeze, at);
    if (until !== undefined)
      return { is: `does not move until ${until}`, fix: `try again then, or ${whoChanges(packument)}` };
  }
  if (rule.forward === true && !move.returns && isBackward(from, to))
    return {
      is: `only moves forward, not from ${from} to ${to ?? "nowhere"}`,
      fix: `choose a higher version, or ${whoChanges(packument)}`,
    };
  return to === undefined ? undefined : problemOfVersion(rule, to, at, packument);
}

function problemOfVersion(rule: TagRule, version: string, at: string, packument: Packument): Problem | undefined {
  if (rule.releases === true && semver.prerelease(version) !== null)
    return { is: `never points at a prerelease such as ${version}`, fix: "choose a release, or another tag" };
  const manifest = own(packument.versions, version);
  if (!manifest) return undefined;
  if (rule.from === "ci" && !isFromCi(manifest))
    return {
      is: `only points at versions that CI published, and ${version} is not one`,
      fix: "publish a version from CI",
    };
  if (rule.from === "provenance" && !hasProvenance(manifest))
    return { is: `only points at versions with verified provenance, and ${version} has none` };
  const published = own(packument.time, version);
  const due = published === undefined ? Number.NaN : millisecondsOf(published) + (rule.minutes ?? 0) * 60_000;
  if (rule.minutes !== undefined && millisecondsOf(at) < due)
    return {
      is: `only points at versions that are ${rule.minutes} minutes old`,
      fix: `${version} is at ${isoOf(due)}; try again then`,
    };
  return undefined;
}

/** A removed tag could be set again to anything, so to remove it is backward too. */
function isBackward(from: string | undefined, to: string | undefined): boolean {
  if (from === undefined || semver.valid(from) === null) return false;
  return to === undefined || semver.lt(to, from);
}

/** The registry itself writes this field, for a CI job with its own identity; a publisher's is dropped. */
function isFromCi(manifest: Manifest): boolean {
  return isRecord(manifest["_npmUser"]) && isRecord(manifest["_npmUser"]["trustedPublisher"]);
}

/** The registry itself writes this field, for a bundle that it verified; a publisher's is dropped. */
function hasProvenance({ dist }: Manifest): boolean {
  return isRecord(dist?.["attestations"]);
}

/** Most names in a message. */
const NAMES_SHOWN = 5;

function whoChanges(packument: Packument): string {
  const names = ownersOf(packument).slice(0, NAMES_SHOWN);
  return names.length === 0 ? "ask who may change the rules" : `ask an owner to change the rule: ${names.join(", ")}`;
}

/** A recorded move that rules would have refused, and why. */
export type WouldRefuse = Pick<AppliedRecord, "sequence" | "at" | "by" | "type"> &
  Moved & { readonly tag: string; readonly reason: string };

/**
 * Which moves of the past rules would have refused: a trial before they are set.
 *
 * @example wouldRefuse(rules, entries, packument, NO_TEAMS) // [{ sequence: 7, tag: "latest", from: "2.0.0", to: "1.0.0", … }]
 *
 * A version that was unpublished since is judged by its number only.
 */
export function wouldRefuse(
  rules: readonly TagRule[],
  entries: readonly (Pick<AppliedRecord, "sequence" | "at" | "by" | "type"> & Pick<ChangeDetail, "tags">)[],
  packument: Packument,
  isMember: IsMember,
): readonly WouldRefuse[] {
  return entries.flatMap(({ sequence, at, by, type, tags = {} }) =>
    type === "unpublish.all"
      ? []
      : Object.entries(tags).flatMap(([tag, move]) => {
          const ruled = { tag, ...move, at, by, returns: type === "tags.undo" };
          const reason = isFirst(sequence) ? undefined : refusalOfMove(rules, ruled, packument, isMember);
          return reason === undefined ? [] : [{ sequence, at, by, type, tag, ...move, reason }];
        }),
  );
}

/** The change that made the package: there were no rules yet. */
const isFirst = (sequence: number): boolean => sequence === 1;
