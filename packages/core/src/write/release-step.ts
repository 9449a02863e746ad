import type { Applied } from "../domain/apply.ts";
import type { Change } from "../domain/change.ts";
import type { SpilledDetail } from "../domain/detail.ts";
import { RELEASE_DECISION_MS, RELEASE_LOOK_MS } from "../domain/limits.ts";
import type { RejectionCode } from "../domain/outcome.ts";
import { own, stateOf, type Packument } from "../domain/packument.ts";
import { changeOfStep, pendingOf, present, rolledForward, withoutPending, withPending } from "../domain/release.ts";
import type { Clock } from "../ports/clock.ts";
import { isAbandoned, type ReleaseRecord, type Releases, type ReleaseState } from "../stored/releases.ts";

/** What the consumer asks about releases. docs/decisions/0022 says why each step is safe. */
export type ReleasePorts = {
  readonly releases: Releases;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** The one process that makes releases, where there is one. */
  readonly host?: string | undefined;
};

/** Decides a change by policy, kind and rules, and copies the tarball of a publish. */
export type Admit = (before: Packument | undefined, change: Change) => Promise<Applied>;

/** The change of a release waits in the packument. */
export type Prepared = {
  readonly kind: "prepared";
  readonly packument: Packument;
  readonly spilled?: SpilledDetail;
};

/** A packument whose pending part is applied or removed, if its release is decided. `isOpen`: it is not, so the part stays. */
export type Settled = {
  readonly packument: Packument | undefined;
  readonly isOpen: boolean;
  readonly spilled?: SpilledDetail;
};

/**
 * Applies the pending part of a package when its release is committed, and removes it when the release is aborted.
 *
 * @param next the change that comes next. Its own release is about to be decided when it is a "finish": that is waited for.
 * @throws StoreUnavailable
 */
export async function settlePending(
  ports: ReleasePorts,
  packument: Packument | undefined,
  next: Change,
): Promise<Settled> {
  const pending = pendingOf(packument);
  if (!packument || !pending) return { packument, isOpen: false };
  const isNext = next.release?.step === "finish" && next.release.id === pending.release;
  const state = await (isNext ? decision(ports, pending.release) : stateNow(ports, pending.release));
  if (state === "open") return { packument, isOpen: true };
  const result = state === "committed" ? rolledForward(packument, pending) : undefined;
  if (result?.kind !== "applied") return { packument: withoutPending(packument), isOpen: false };
  const { spilled } = result;
  return { packument: result.packument, isOpen: false, ...(spilled ? { spilled } : {}) };
}

/**
 * What becomes of a "prepare" or "finish" message.
 *
 * @throws StoreUnavailable
 */
export async function releaseStep(
  ports: ReleasePorts & { readonly admit: Admit },
  { packument, isOpen }: Settled,
  message: Change,
): Promise<Applied | Prepared | "wait"> {
  const { release } = message;
  if (!release) throw new TypeError("the change is no part of a release");
  const change = changeOfStep(message);
  const record = stateOf(packument).applied.find(({ id }) => id === change.id);
  if (packument && record) return { kind: "replayed", packument, record };
  const found = await ports.releases.find(release.id);
  const refusal = refusalOf(found, change);
  if (refusal) return refusal;
  switch (await stateNow(ports, release.id, found)) {
    case "aborted":
      return refuse("conflict", `the release of ${change.name} was aborted: nothing of it is published`);
    case "committed":
      // A foreign writer has removed the pending part.
      return isOpen ? "wait" : rolledForward(packument ?? withPending(undefined, message), { change });
    case "open":
      return release.step === "finish" ? "wait" : prepare(ports, packument, message);
  }
}

async function prepare(
  { admit }: { readonly admit: Admit },
  packument: Packument | undefined,
  message: Change,
): Promise<Applied | Prepared> {
  const pending = pendingOf(packument);
  if (packument && pending?.prepared === message.id) return { kind: "prepared", packument };
  if (pending) return refuse("conflict", `another release of ${message.name} is under way; try again in a moment`);
  const result = await admit(present(packument), changeOfStep(message));
  if (result.kind !== "applied") return result;
  const { spilled } = result;
  return { kind: "prepared", packument: withPending(present(packument), message), ...(spilled ? { spilled } : {}) };
}

/** Only the changes that the release's record names are part of it: nobody else's message may claim to be. */
function refusalOf(record: ReleaseRecord | undefined, { id, name, actor }: Change): Applied | undefined {
  if (!record) return refuse("conflict", `the release of ${name} is not known; release it again`);
  const isPart =
    own(record.changes, name) === id && record.actor.kind === actor.kind && record.actor.name === actor.name;
  return isPart ? undefined : refuse("forbidden", `the change is no part of the release ${record.id}`);
}

function refuse(code: RejectionCode, message: string): Applied {
  return { kind: "rejected", rejection: { code, message } };
}

/** The state of a release. One that nobody will commit is aborted. */
async function stateNow(
  { releases, clock, host }: ReleasePorts,
  id: string,
  known?: ReleaseRecord,
): Promise<ReleaseState> {
  const record = known ?? (await releases.find(id));
  if (!record) return "aborted";
  if (!isAbandoned(record, clock.now(), host)) return record.state;
  return (await releases.decide(id, "aborted", "it was not committed in time"))?.state ?? "aborted";
}

/** Waits a moment for the decision: "finish" is sent right before it. */
async function decision(ports: ReleasePorts, id: string): Promise<ReleaseState> {
  for (let waited = 0; ; waited += RELEASE_LOOK_MS) {
    const state = await stateNow(ports, id);
    if (state !== "open" || waited >= RELEASE_DECISION_MS) return state;
    await ports.clock.sleep(RELEASE_LOOK_MS);
  }
}
