import { principalOfChange, refusalRejection, type Policy } from "../access/policy.ts";
import { needsConfirmation } from "../access/second-factor.ts";
import { apply, type Applied } from "../domain/apply.ts";
import type { Change, ChangeOf } from "../domain/change.ts";
import { actionOf } from "../domain/changes/index.ts";
import type { SpilledDetail } from "../domain/detail.ts";
import { outcomeOfRecord } from "../domain/history.ts";
import type { Outcome, Rejection } from "../domain/outcome.ts";
import { stateOf, type Packument } from "../domain/packument.ts";
import { present } from "../domain/release.ts";
import { tarballKey } from "../layout.ts";
import { StoreUnavailable, type ObjectInfo, type ObjectStore } from "../ports/object-store.ts";
import {
  releaseStep,
  settlePending,
  type Admit,
  type Prepared,
  type ReleasePorts,
  type Settled,
} from "./release-step.ts";

/** The changes of a batch, applied in memory. */
type Folded = {
  readonly packument: Packument | undefined;
  readonly outcomes: readonly Outcome[];
  /** Details that are stored before the document is. */
  readonly details: readonly SpilledDetail[];
  readonly changed: boolean;
};

type FoldPorts = ReleasePorts & { readonly policy: Policy; readonly store: ObjectStore };

/** What stays when a write was lost and the changes are folded again. */
export type Progress = {
  /** Ids of publishes whose tarball is at its final key. */
  readonly promoted: Set<string>;
  /** How many changes were folded at most. As many are folded again, though `enough` has aborted: else nothing would be written. */
  folded: number;
  readonly enough: AbortSignal | undefined;
};

/**
 * Applies the changes one after the other, until `enough`, or until one has to wait for a release. A publish counts only once its
 * tarball is at its final key.
 *
 * @throws StoreUnavailable also when already the first change has to wait
 */
export async function fold(
  ports: FoldPorts,
  start: Packument | undefined,
  changes: readonly Change[],
  progress: Progress,
): Promise<Folded> {
  let packument = start;
  let changed = false;
  const outcomes: Outcome[] = [];
  const details: SpilledDetail[] = [];
  const admit = (before: Packument | undefined, change: Change) => admitted(ports, before, change, progress);
  for (const change of changes) {
    if (progress.enough?.aborted && outcomes.length >= progress.folded) break;
    const settled = await settlePending(ports, packument, change);
    changed ||= settled.packument !== packument;
    packument = settled.packument;
    if (settled.spilled) details.push(settled.spilled);
    const result = await stepOf({ ...ports, admit }, settled, change);
    if (result === "wait") {
      if (outcomes.length > 0) break;
      throw new StoreUnavailable(`${change.name} is being prepared for a release, so its changes wait`);
    }
    if (result.kind === "applied" || result.kind === "prepared") {
      packument = result.packument;
      changed = true;
      if (result.spilled) details.push(result.spilled);
    }
    outcomes.push(outcomeOf(change, result));
    progress.folded = Math.max(progress.folded, outcomes.length);
  }
  return { packument, outcomes, details, changed };
}

/** What becomes of a change. `wait`: nothing, until a release is decided. */
function stepOf(
  ports: ReleasePorts & { readonly admit: Admit },
  settled: Settled,
  change: Change,
): Promise<Applied | Prepared> | "wait" | Promise<Applied | Prepared | "wait"> {
  if (change.release) return releaseStep(ports, settled, change);
  return settled.isOpen ? "wait" : ports.admit(present(settled.packument), change);
}

/** Applies a change if the policy allows it, and puts the tarball of a publish where readers find it. */
async function admitted(
  ports: FoldPorts,
  before: Packument | undefined,
  change: Change,
  { promoted }: Progress,
): Promise<Applied> {
  const result = authorised(ports.policy, before, change);
  if (result.kind !== "applied" || change.type !== "publish" || promoted.has(change.id)) return result;
  const failure = await promote(ports.store, change);
  if (failure) return { kind: "rejected", rejection: failure };
  promoted.add(change.id);
  return result;
}

/**
 * Applies a change if its sender may make it, whichever way it came into the queue.
 *
 * A change that was applied before stays applied: it may have taken away the right that it needed itself.
 */
function authorised(policy: Policy, packument: Packument | undefined, change: Change): Applied {
  const result = apply(packument, change, policy.ruleContext);
  if (result.kind === "replayed") return result;
  // A person confirms at the API, and a CI job is trusted by a rule. Nobody confirms for a service.
  if (change.actor.kind === "service" && needsConfirmation(change) && policy.factorRule(change.name))
    return { kind: "rejected", rejection: { code: "forbidden", message: unconfirmed(change.name) } };
  const target = { name: change.name, packument };
  const decision = policy.may(principalOfChange(change), actionOf(change), target);
  return decision.allowed ? result : { kind: "rejected", rejection: refusalRejection(decision) };
}

function unconfirmed(name: string): string {
  return `${name} needs a second factor, which a service does not have; a person or a trusted CI job may do this (rule: second factor)`;
}

function outcomeOf({ id, name }: Change, result: Applied | Prepared): Outcome {
  switch (result.kind) {
    case "rejected":
      return { state: "rejected", id, name, rejection: result.rejection };
    case "applied": {
      const { sequence, revision } = result.event;
      return { state: "applied", id, name, sequence, revision, distTags: result.packument["dist-tags"] };
    }
    case "prepared": {
      const { sequence, revision } = stateOf(result.packument);
      return { state: "applied", id, name, sequence, revision };
    }
    case "replayed":
      return outcomeOfRecord(result.packument, result.record);
  }
}

/**
 * Puts a staged tarball under its final key.
 *
 * The version is not in the packument, so an object that is there already is a leftover: of this publish before a
 * crash or the end of an invocation, or of an unpublish whose clean-up is still to come. With the same bytes it stays: copying a
 * large one again could take the time that was too short before. Any other is replaced, and only as it was seen.
 */
async function promote(store: ObjectStore, change: ChangeOf<"publish">): Promise<Rejection | undefined> {
  const { staging } = change.tarball;
  const final = tarballKey(change.name, change.version);
  const first = await store.copy(staging, final, { ifNoneMatch: "*" });
  if (first.ok) return undefined;
  if (first.reason === "missing") return missingTarball(change);
  const [staged, leftover] = await Promise.all([store.head(staging), store.head(final)]);
  if (staged && leftover && sameBytes(staged, leftover)) return undefined;
  const again = await store.copy(staging, final, leftover ? { ifMatch: leftover.etag } : { ifNoneMatch: "*" });
  if (again.ok) return undefined;
  if (again.reason === "missing" && (await store.head(staging)) === undefined) return missingTarball(change);
  throw new StoreUnavailable(`${final} is being written by somebody else`);
}

function sameBytes(one: ObjectInfo, other: ObjectInfo): boolean {
  if (one.size !== other.size) return false;
  return one.etag === other.etag || (one.checksum !== undefined && one.checksum === other.checksum);
}

function missingTarball({ name, version }: ChangeOf<"publish">): Rejection {
  return { code: "tarball_missing", message: `the uploaded tarball of ${name}@${version} is gone; publish it again` };
}
