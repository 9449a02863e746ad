import { actorOf, type Policy, refusalRejection } from "../access/policy.ts";
import type { NamedPrincipal } from "../access/principal.ts";
import { actionOf } from "../domain/changes/index.ts";
import { apply, type Applied } from "../domain/apply.ts";
import { Change, changeProblem, type Draft } from "../domain/change.ts";
import { WAIT_MS } from "../domain/limits.ts";
import type { Outcome, Rejection } from "../domain/outcome.ts";
import type { Why } from "../domain/why.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { ChangeQueue } from "../ports/change-queue.ts";
import type { Outcomes } from "../ports/outcomes.ts";
import type { PackumentReader } from "../read/reader.ts";
import { outcomeOfRecord } from "../domain/history.ts";

/** What submitting a change works with. */
export type SubmitPorts = {
  readonly reader: PackumentReader;
  readonly policy: Policy;
  readonly queue: ChangeQueue;
  readonly outcomes: Outcomes;
  readonly clock: Clock;
  readonly ids: Ids;
};

/** How a change is submitted. */
export type SubmitOptions = {
  /** Who sends the change. It becomes the change's actor. */
  readonly principal: NamedPrincipal;
  /**
   * The change's id, when the sender has one that stays the same over its retries. The same id is the same change: what is
   * known of it is answered, and nothing queued. Default: a new one.
   */
  readonly id?: string;
  /** Milliseconds to wait for the outcome; 0 to answer at once. Default: `WAIT_MS`. */
  readonly waitMs?: number;
  /** Why the change is made, for the history. */
  readonly why?: Why;
  /** Only says what would become of the change now: nothing is queued, and nothing is remembered. Default: false. */
  readonly dryRun?: boolean;
};

/** The answer to a submitted change. */
export type Submission =
  | { readonly kind: "settled"; readonly outcome: Outcome }
  /** The change is queued, durably, and will be applied; its outcome was not known in time. */
  | { readonly kind: "accepted"; readonly id: string; readonly name: string };

/**
 * Authorises a change, validates it against the current packument, enqueues it and waits, bounded, for its outcome.
 *
 * A change that the policy or the present packument refuses is answered at once and never queued. One that they admit may
 * still be refused by the consumer, when a change accepted earlier came between.
 *
 * @example await submit({ type: "tag.put", name: "wire", tag: "next", version: "1.1.0" }, { principal: { kind: "user", name: "alice" } })
 */
export type Submit = (draft: Draft, options: SubmitOptions) => Promise<Submission>;

/** The way in for every change of the HTTP surface. */
export function createSubmit({ reader, policy, queue, outcomes, clock, ids }: SubmitPorts): Submit {
  return async (draft, { principal, id: given, waitMs = WAIT_MS, why, dryRun = false }) => {
    const actor = actorOf(principal);
    const id = given ?? ids.next();
    const stamp = { schema: 1, id, at: clock.now().toISOString(), actor, ...(why === undefined ? {} : { why }) };
    const parsed = Change.safeParse({ ...draft, ...stamp });
    const { name } = draft;
    if (!parsed.success) return rejected(id, name, { code: "invalid", message: changeProblem(parsed.error) });
    const change = parsed.data;
    // The queue forgets an id after minutes, but an outcome is kept for days. So it is looked up first: else the answer would be
    // an old rejection while the queued change is applied.
    await policy.refresh?.();
    const [read, known] = await Promise.all([
      reader.read(name),
      given === undefined ? undefined : outcomes.find(given),
    ]);
    const foreseen = apply(read?.packument, change, policy.ruleContext);
    if (foreseen.kind === "replayed")
      return { kind: "settled", outcome: outcomeOfRecord(foreseen.packument, foreseen.record) };
    // After the replay: a change may have taken away the right that it needed itself.
    const decision = policy.may(principal, actionOf(change), { name, packument: read?.packument });
    if (!decision.allowed) return rejected(id, name, refusalRejection(decision));
    if (known && known.name !== name) return rejected(id, name, usedFor(known));
    if (known?.state === "applied" || known?.state === "rejected") return { kind: "settled", outcome: known };
    if (foreseen.kind === "rejected") return rejected(id, name, foreseen.rejection);
    if (dryRun) return { kind: "settled", outcome: appliedOutcome(foreseen) };
    if (waitMs <= 0) {
      await outcomes.remember({ id, name });
      await queue.send(change);
      return { kind: "accepted", id, name };
    }
    const waiting = outcomes.wait({ id, name }, waitMs);
    const [outcome] = await Promise.all([waiting, queue.send(change)]);
    if (outcome) return { kind: "settled", outcome };
    await outcomes.remember({ id, name });
    return { kind: "accepted", id, name };
  };
}

function usedFor({ id, name }: { readonly id: string; readonly name: string }): Rejection {
  return { code: "invalid", message: `the id "${id}" is that of a change of "${name}"; choose another for this one` };
}

function appliedOutcome({ packument, event }: Extract<Applied, { kind: "applied" }>): Outcome {
  const { id, name, sequence, revision } = event;
  return { state: "applied", id, name, sequence, revision, distTags: packument["dist-tags"] };
}

function rejected(id: string, name: string, rejection: Rejection): Submission {
  return { kind: "settled", outcome: { state: "rejected", id, name, rejection } };
}
