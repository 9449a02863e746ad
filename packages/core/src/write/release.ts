import { actorOf, refusalRejection } from "../access/policy.ts";
import type { NamedPrincipal } from "../access/principal.ts";
import { apply } from "../domain/apply.ts";
import { Change, changeProblem, type Draft } from "../domain/change.ts";
import { actionOf } from "../domain/changes/index.ts";
import { RELEASE_PACKAGES_MAX, RELEASE_WAIT_MS } from "../domain/limits.ts";
import type { Rejection } from "../domain/outcome.ts";
import { outcomeInRing } from "../domain/history.ts";
import { changeIdIn, idOfStep } from "../domain/release.ts";
import type { Why } from "../domain/why.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import { createReleases, type ReleaseRecord, type Releases } from "../stored/releases.ts";
import type { SubmitPorts } from "./submit.ts";
import { retryConflicts } from "./update-object.ts";

/** What a release can hold: the kinds that are undone by doing nothing. */
export type ReleaseDraft = Extract<Draft, { type: "publish" | "tags.merge" }>;

export type ReleaseOptions = {
  /** Who makes the release. */
  readonly principal: NamedPrincipal;
  /**
   * What names the release over its sender's retries: at most 80 characters. When a release of this name was committed, that is
   * the answer; when it was aborted, it is tried once more, under an id of its own. Default: a new one.
   */
  readonly id?: string;
  /** Why, for the history of each package. */
  readonly why?: Why;
  /** Only says what would become of it. */
  readonly dryRun?: boolean;
};

/** What is wrong with one package of a release. */
export type ReleaseProblem = { readonly name: string; readonly rejection: Rejection };

/**
 * What became of a release.
 *
 * - `committed`: every reader sees all of it. `changes`: package → the id of its change; empty for a dry run.
 * - `refused`: nothing of it is visible, and repeating it changes nothing.
 * - `unfinished`: nothing of it is visible. It took too long; it may be sent again, as a new one.
 */
export type ReleaseResult =
  | { readonly kind: "committed"; readonly id: string; readonly changes: Readonly<Record<string, string>> }
  | { readonly kind: "refused"; readonly id: string; readonly problems: readonly ReleaseProblem[] }
  | { readonly kind: "unfinished"; readonly id: string; readonly reason: string };

/**
 * Publishes and tags several packages at once: all of them are visible, or none.
 *
 * @example await release([{ type: "tags.merge", name: "wire", tags: { latest: "2.0.0" } }, …], { principal })
 * @throws StoreUnavailable, QueueUnavailable: it is not known whether the release was committed. Sent again with the same id, it is
 * answered with what became of it.
 */
export type Release = (drafts: readonly ReleaseDraft[], options: ReleaseOptions) => Promise<ReleaseResult>;

type ReleasePorts = SubmitPorts & {
  readonly store: Pick<ObjectStore, "get" | "put">;
  /** This process, if no other one makes releases. */
  readonly host?: string;
};

/** The way in for releases. docs/decisions/0022 has the steps, and why no crash leaves half of one. */
export function createRelease(ports: ReleasePorts): Release {
  const { policy, clock, ids, store, host } = ports;
  const releases = createReleases({ store, clock });
  return async (drafts, { principal, id: given, why, dryRun = false }) => {
    const { id, known } =
      given === undefined ? { id: `rel-${ids.next()}`, known: undefined } : await lastAttempt(releases, given);
    if (known && known.state !== "open") return resultOf(known);
    const actor = actorOf(principal);
    const at = known?.at ?? clock.now().toISOString();
    const sorted = drafts.toSorted((one, other) => (one.name < other.name ? -1 : 1));
    const stamped = sorted.map((draft, index) => ({
      ...draft,
      schema: 1,
      id: changeIdIn(id, index),
      at,
      actor,
      release: { id, step: "finish" },
      ...(why === undefined ? {} : { why }),
    }));
    await policy.refresh?.();
    const problems = sizeProblem(sorted) ?? (await foresee(ports, principal, stamped));
    if (problems.length > 0) return { kind: "refused", id, problems };
    const changes = stamped.map((change) => Change.parse(change));
    const named = Object.fromEntries(changes.map((change) => [change.name, change.id]));
    if (dryRun) return { kind: "committed", id, changes: {} };
    const record = await releases.open({
      id,
      actor: { kind: actor.kind, name: actor.name },
      changes: named,
      ...(host === undefined ? {} : { host }),
    });
    if (record.state !== "open") return resultOf(record);
    return complete(ports, releases, id, { changes, isResumed: known !== undefined });
  };
}

/** Attempts of one name that are told apart: each of them was aborted, so its sender has tried so often. */
const ATTEMPTS_MAX = 20;

/** The attempt of a name that is not aborted; `known`: it was begun before. */
async function lastAttempt(
  releases: Releases,
  name: string,
): Promise<{ readonly id: string; readonly known: ReleaseRecord | undefined }> {
  for (let attempt = 1; ; attempt++) {
    const id = attempt === 1 ? name : `${name}:${attempt}`;
    const known = await releases.find(id);
    if (known?.state !== "aborted" || attempt === ATTEMPTS_MAX) return { id, known };
  }
}

function sizeProblem(sorted: readonly ReleaseDraft[]): readonly ReleaseProblem[] | undefined {
  const [first] = sorted;
  const problem = (name: string, message: string, code: "invalid" | "too_large" = "invalid") => [
    { name, rejection: { code, message } },
  ];
  if (!first) return problem("", "a release names at least one package");
  if (sorted.length > RELEASE_PACKAGES_MAX)
    return problem(first.name, `a release has at most ${RELEASE_PACKAGES_MAX} packages`, "too_large");
  const twice = sorted.find((draft, index) => draft.name === sorted[index + 1]?.name);
  return (
    twice && problem(twice.name, `a release has one change of each package; this one has several of ${twice.name}`)
  );
}

/** What the packages refuse as they are now: the right of the sender, the change itself, the rules of the package. */
async function foresee(
  { reader, policy }: ReleasePorts,
  principal: NamedPrincipal,
  stamped: readonly (ReleaseDraft & { readonly id: string })[],
): Promise<readonly ReleaseProblem[]> {
  const found = await Promise.all(
    stamped.map(async (candidate): Promise<ReleaseProblem | undefined> => {
      const { name } = candidate;
      const parsed = Change.safeParse(candidate);
      if (!parsed.success) return { name, rejection: { code: "invalid", message: changeProblem(parsed.error) } };
      const packument = (await reader.read(name))?.packument;
      const decision = policy.may(principal, actionOf(parsed.data), { name, packument });
      if (!decision.allowed) return { name, rejection: refusalRejection(decision) };
      const foreseen = apply(packument, parsed.data, policy.ruleContext);
      return foreseen.kind === "rejected" ? { name, rejection: foreseen.rejection } : undefined;
    }),
  );
  return found.flatMap((problem) => problem ?? []);
}

type Work = {
  readonly changes: readonly Change[];
  /** The same release was sent before: some of its messages may be queued, or handled, already. */
  readonly isResumed: boolean;
};

/** Prepares every package, and commits when all are prepared. Whatever fails before the commit aborts the release. */
async function complete(ports: ReleasePorts, releases: Releases, id: string, work: Work): Promise<ReleaseResult> {
  let prepared: Prepared;
  try {
    prepared = await prepareAll(ports, work);
    // Before the commit: whatever crashes after it, every package gets its change and its event.
    if (prepared.kind === "ready") await finishAll(ports, work);
  } catch (error) {
    await decideAll(ports, releases, id, "aborted", "the registry could not reach its queue or its store");
    throw error;
  }
  if (prepared.kind === "ready") return decideAll(ports, releases, id, "committed");
  const problems = prepared.kind === "refused" ? prepared.problems : [];
  const reason = problems.length > 0 ? "a package refused its change" : "not all packages were ready in time";
  const result = await decideAll(ports, releases, id, "aborted", reason);
  // The pending parts are removed right away. Where that fails, the package's next change does it.
  await Promise.allSettled(work.changes.map((change) => ports.queue.send(change)));
  return problems.length > 0 && result.kind !== "committed" ? { kind: "refused", id, problems } : result;
}

/** Tries of a decision whose answer was lost: it is read again, and is what it was. */
const DECIDE_ATTEMPTS = 4;

async function decideAll(
  { clock }: ReleasePorts,
  releases: Releases,
  id: string,
  state: "committed" | "aborted",
  reason?: string,
): Promise<ReleaseResult> {
  const record = await retryConflicts({ clock }, DECIDE_ATTEMPTS, async (attempt) => {
    try {
      return { is: await releases.decide(id, state, reason) };
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || attempt === DECIDE_ATTEMPTS) throw error;
      return undefined;
    }
  });
  return record?.is ? resultOf(record.is) : { kind: "unfinished", id, reason: "its record is gone" };
}

type Prepared =
  | { readonly kind: "ready" | "late" }
  | { readonly kind: "refused"; readonly problems: readonly ReleaseProblem[] };

async function prepareAll({ queue, outcomes, reader }: ReleasePorts, { changes, isResumed }: Work): Promise<Prepared> {
  const settled = await Promise.all(
    changes.map(async (change) => {
      const { name, release } = change;
      const id = idOfStep(change.id, "prepare");
      const known = isResumed ? outcomeInRing((await reader.stored(name))?.packument, id) : undefined;
      if (known) return { name, outcome: known };
      const message: Change = { ...change, id, release: { id: release?.id ?? "", step: "prepare" } };
      const waiting = outcomes.wait({ id, name }, RELEASE_WAIT_MS);
      const [outcome] = await Promise.all([waiting, queue.send(message)]);
      return { name, outcome };
    }),
  );
  const problems = settled.flatMap(({ name, outcome }) =>
    outcome?.state === "rejected" ? [{ name, rejection: outcome.rejection }] : [],
  );
  if (problems.length > 0) return { kind: "refused", problems };
  return { kind: settled.every(({ outcome }) => outcome) ? "ready" : "late" };
}

async function finishAll({ queue }: ReleasePorts, { changes }: Work): Promise<void> {
  await Promise.all(changes.map((change) => queue.send(change)));
}

function resultOf({ id, state, changes, reason = "it was not committed in time" }: ReleaseRecord): ReleaseResult {
  return state === "committed" ? { kind: "committed", id, changes } : { kind: "unfinished", id, reason };
}
