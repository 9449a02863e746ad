import semver from "semver";
import { movedTags } from "./detail.ts";
import { APPROVAL_DAYS } from "./limits.ts";
import { isoOf, millisecondsOf } from "./instants.ts";
import type { Rejection } from "./outcome.ts";
import { isRecord, own, ownersOf, stateOf, type Manifest, type Packument } from "./packument.ts";
import type { Approval, Moved } from "./state.ts";
import { frozenUntil, matchesTag, type TagRule } from "./tag-rule.ts";

/**
 * What the rules need that is not in the package: the policy has it from the rights of the registry.
 *
 * @example { isMember: (team, user) => team === "acme:release" && user === "bob", scopeRules: () => [] }
 */
export type RuleContext = {
  /** Whether a user belongs to a team, named `ORG:TEAM`. */
  readonly isMember: (team: string, user: string) => boolean;
  /** The rules of the package's scope. They hold beside the package's own. */
  readonly scopeRules: (name: string) => readonly TagRule[];
};

/** No teams and no scopes are known. */
export const NO_CONTEXT: RuleContext = { isMember: () => false, scopeRules: () => [] };

/** Who makes a change. */
export type RuledActor = {
  readonly kind: "user" | "workload" | "service";
  readonly name: string;
  /** The groups of a user at the sign-in provider: `github:acme/platform`. */
  readonly groups?: readonly string[];
};

/** Whether somebody is a user with a name among these. */
export function isUserAmong(names: readonly string[], { kind, name }: RuledActor): boolean {
  return kind === "user" && names.includes(name);
}

/** A move of one tag, and what the rules need to know about it. */
export type RuledMove = Moved & {
  readonly tag: string;
  /** When the change was accepted, ISO 8601 in UTC. */
  readonly at: string;
  readonly actor: RuledActor;
  /** The change takes back a recorded move: the tag returns to where it was allowed to be. */
  readonly returns: boolean;
  /** The approvals that the package has. */
  readonly approvals: readonly Approval[];
  /** Whose move it is for approvals: who staged the version that the actor approves. Default: the actor. */
  readonly author?: string;
};

/** What of a change the rules look at, whatever its kind. `undoes`: the id of the change that an undo takes back. */
type RuledChange = {
  readonly type: string;
  readonly at: string;
  readonly actor: RuledActor;
  readonly undoes?: string;
  /** The id of the staged version that a publish approves. */
  readonly stage?: string | undefined;
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
  context: RuleContext,
): Rejection | undefined {
  const { rules: ours = [], approvals = [] } = stateOf(before);
  const ofScope = context.scopeRules(after.name);
  if (before === undefined || ours.length + ofScope.length === 0 || change.type === "unpublish.all") return undefined;
  const author = stateOf(before).staged?.find(({ id }) => id === change.stage)?.by;
  const moves = movedTags(before["dist-tags"], after["dist-tags"]) ?? {};
  for (const [tag, move] of Object.entries(moves)) {
    const returns = change.undoes !== undefined && isRecorded(before, change.undoes, tag);
    const ruled = {
      tag,
      ...move,
      at: change.at,
      actor: change.actor,
      returns,
      approvals,
      ...(author === undefined ? {} : { author }),
    };
    const reason =
      refusalOfMove(ofScope, ruled, after, context, scopeOf(after.name)) ?? refusalOfMove(ours, ruled, after, context);
    if (reason === undefined) continue;
    const hint =
      author === undefined ? '; publish under another tag: "--tag next"' : "; reject it and stage it with another tag";
    return { code: "forbidden", message: `${reason}${change.type === "publish" ? hint : ""}` };
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
 * @param scope the scope whose rules they are. Default: they are the package's own.
 * @example refusalOfMove(rules, move, packument, NO_CONTEXT) // '"latest" of wire only moves forward, … (rule "latest"); …'
 */
export function refusalOfMove(
  rules: readonly TagRule[],
  move: RuledMove,
  packument: Packument,
  context: RuleContext,
  scope?: string,
): string | undefined {
  const who = scope === undefined ? whoChanges(packument) : `ask an administrator of ${scope} to change the rule`;
  const of = scope === undefined ? "" : ` of ${scope}`;
  for (const rule of rules) {
    if (!matchesTag(rule, move.tag)) continue;
    const problem = problemOf(rule, { ...move, who }, packument, context);
    if (problem === undefined) continue;
    const note = rule.note === undefined ? "" : `: ${rule.note}`;
    return `"${move.tag}" of ${packument.name} ${problem.is} (rule "${rule.tags}"${of}${note}); ${problem.fix ?? who}`;
  }
  return undefined;
}

/** What is not allowed, and how to go on. Default of `fix`: ask an owner. */
type Problem = { readonly is: string; readonly fix?: string };

/** The scope of a package: `@acme`. Packages without one have no rules of a scope. */
const scopeOf = (name: string) => name.slice(0, Math.max(0, name.indexOf("/")));

/** `who`: whom to ask for another rule. */
function problemOf(
  rule: TagRule,
  move: RuledMove & { readonly who: string },
  packument: Packument,
  context: RuleContext,
): Problem | undefined {
  const { from, to, at, actor, who } = move;
  const { movers } = rule;
  if (movers && !isNamed(movers, actor, context))
    return { is: `is not moved by ${actor.name}`, fix: `ask one of ${movers.slice(0, NAMES_SHOWN).join(", ")}` };
  for (const freeze of rule.freeze ?? []) {
    const until = frozenUntil(freeze, at);
    if (until !== undefined) return { is: `does not move until ${until}`, fix: `try again then, or ${who}` };
  }
  if (rule.forward === true && !move.returns && isBackward(from, to))
    return {
      is: `only moves forward, not from ${from} to ${to ?? "nowhere"}`,
      fix: `choose a higher version, or ${who}`,
    };
  if (to === undefined) return undefined;
  return problemOfVersion(rule, to, at, packument) ?? problemOfApprovals(rule, { ...move, to }, packument, context);
}

/**
 * Whether an actor is in a list of users (`alice`), teams (`team:acme:release`), groups of the sign-in provider
 * (`group:github:acme/platform`), CI jobs (`workload:…`) and services (`service:…`).
 */
function isNamed(list: readonly string[], { kind, name, groups = [] }: RuledActor, { isMember }: RuleContext): boolean {
  return list.some((entry) => {
    if (entry.startsWith("team:")) return kind === "user" && isMember(entry.slice("team:".length), name);
    if (entry.startsWith("group:")) return kind === "user" && groups.includes(entry.slice("group:".length));
    return entry === (kind === "user" ? name : `${kind}:${name}`);
  });
}

/** An undo needs no approval: a team must be able to leave a bad version at once. */
function problemOfApprovals(
  { approvals: wanted }: TagRule,
  { tag, to, at, actor, returns, approvals, author = actor.name }: RuledMove & { readonly to: string },
  { name }: Packument,
  context: RuleContext,
): Problem | undefined {
  if (wanted === undefined || returns) return undefined;
  // Who approves a staged version of somebody else approves the move of its tag.
  const review = { tag, version: to, by: actor.name, at };
  const counted = [...approvals, review].filter(
    (one) =>
      one.tag === tag &&
      one.version === to &&
      one.by !== author &&
      isFresh(one, at) &&
      (wanted.by === undefined || isNamed(wanted.by, { kind: "user", name: one.by }, context)),
  );
  const names = [...new Set(counted.map(({ by }) => by))];
  if (names.length >= wanted.count) return undefined;
  const has = names.length === 0 ? "none" : names.join(", ");
  const who = wanted.by ? `one of ${wanted.by.slice(0, NAMES_SHOWN).join(", ")}` : "somebody else";
  return {
    is: `needs ${wanted.count === 1 ? "an approval" : `${wanted.count} approvals`} of ${to} and has ${has}`,
    fix: `ask ${who} for "codebox tags approve ${name} ${tag} ${to}"`,
  };
}

/** Whether an approval still counts at a time. */
export function isFresh(approval: Approval, at: string): boolean {
  return millisecondsOf(at) - millisecondsOf(approval.at) < APPROVAL_DAYS * DAY_MS;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The packument without the approvals that its moves have used: each is good for one move.
 *
 * @param before the packument before the change
 */
export function withUsedApprovals(before: Packument | undefined, after: Packument): Packument {
  const { approvals, ...state } = stateOf(after);
  if (approvals === undefined) return after;
  const moves = movedTags(before?.["dist-tags"] ?? {}, after["dist-tags"]) ?? {};
  const left = approvals.filter(({ tag, version }) => own(moves, tag)?.to !== version);
  if (left.length === approvals.length) return after;
  return { ...after, _codebox: left.length === 0 ? state : { ...state, approvals: left } };
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
