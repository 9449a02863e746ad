import { applyDecided, type Applied } from "./apply.ts";
import { Change } from "./change.ts";
import { stateOf, type Packument } from "./packument.ts";
import { emptyState, type CodeboxState } from "./state.ts";

/**
 * A change that is prepared for a release: decided, and not visible until the release's record says "committed".
 *
 * - `prepared`: the id of the message that prepared it.
 * - `change`: the change as it will be applied.
 */
export type PendingChange = { readonly release: string; readonly prepared: string; readonly change: Change };

/**
 * The id of a package's change in a release. It follows from the release, so that a repeated release makes the same changes.
 *
 * @example changeIdIn("rel-01J…", 0) // "rel-01J….0"
 */
export const changeIdIn = (release: string, index: number): string => `${release}.${index}`;

/** The two messages of a change in a release: `finish` has the change's own id. */
export const idOfStep = (changeId: string, step: "prepare" | "finish"): string =>
  step === "finish" ? changeId : `${changeId}.prepare`;

/** The change that a "prepare" or "finish" message is about, as it will be applied. */
export function changeOfStep(message: Change): Change {
  const { release, id } = message;
  if (release?.step !== "prepare") return message;
  return { ...message, id: id.replace(/\.prepare$/, ""), release: { ...release, step: "finish" } };
}

/** The change that a package is prepared for; `undefined`: for none. One that this version can't read counts as none. */
export function pendingOf(packument: Packument | undefined): PendingChange | undefined {
  const pending = stateOf(packument).pending;
  if (pending === undefined) return undefined;
  const known = parsed.get(pending);
  if (known) return known;
  const change = Change.safeParse(pending.change);
  if (!change.success) return undefined;
  const read = { ...pending, change: change.data };
  parsed.set(pending, read);
  return read;
}

/** A document is read many times while a release is open, and a manifest takes time to check. */
const parsed = new WeakMap<object, PendingChange>();

/** The packument that is prepared for the change of a "prepare" message. */
export function withPending(before: Packument | undefined, message: Change): Packument {
  const { name, id, release } = message;
  const pending = { release: release?.id ?? "", prepared: id, change: changeOfStep(message) };
  if (before) return { ...before, _codebox: { ...stateOf(before), pending } };
  return { name, "dist-tags": {}, versions: {}, _codebox: { ...emptyState, blank: true, pending } };
}

/** The packument without its pending part, as it was before the release. */
export function withoutPending(packument: Packument): Packument {
  const { pending: _, ...state }: CodeboxState = stateOf(packument);
  return { ...packument, _codebox: state };
}

/**
 * The packument after a committed release: its pending change is applied. The rules are not asked again: they admitted it when it
 * was prepared, and the release is visible already.
 *
 * `replayed`: the change was applied before. `rejected`: a foreign writer has changed the document so that it can't be applied.
 */
export function rolledForward(packument: Packument, { change }: Pick<PendingChange, "change">): Applied {
  return applyDecided(present(withoutPending(packument)), change);
}

/**
 * The packument that readers see, by what they know of its release; `undefined`: there is no package yet.
 *
 * @param isCommitted whether the record of the pending part's release says "committed"
 */
export function visible(packument: Packument, isCommitted: boolean): Packument | undefined {
  const pending = pendingOf(packument);
  if (!pending || !isCommitted) return present(packument);
  const result = rolledForward(packument, pending);
  return result.kind === "rejected" ? present(withoutPending(packument)) : result.packument;
}

/** The packument; `undefined` for the document that a first publish left when its release was prepared: it holds no package. */
export function present(packument: Packument | undefined): Packument | undefined {
  return stateOf(packument).blank === true ? undefined : packument;
}

/** The versions whose tarballs a pending change needs. */
export function pendingVersions(packument: Packument | undefined): readonly string[] {
  const change = pendingOf(packument)?.change;
  return change?.type === "publish" ? [change.version] : [];
}
