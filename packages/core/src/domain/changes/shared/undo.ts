import { movesTags } from "../../detail.ts";
import { stateOf, type Packument } from "../../packument.ts";
import { refuse, type Refusal } from "./definition.ts";

/** Whether the sender wants to undo also what others changed later, and what cannot be known any more. */
type Undoing = {
  readonly name: string;
  readonly actor: { readonly kind: string; readonly name: string };
  readonly force?: boolean | undefined;
};

/**
 * Refuses a change that takes tags back, when somebody else moved one of them after `sequence`, or when the ring does not say
 * whether somebody did. The actor's own later moves are no reason.
 *
 * @example othersMovedSince(before, change, { sequence: 7, tags: ["latest"] })
 */
export function othersMovedSince(
  before: Packument,
  change: Undoing,
  { sequence, tags }: { readonly sequence: number; readonly tags: readonly string[] },
): Refusal | undefined {
  if (change.force === true) return undefined;
  const { applied } = stateOf(before);
  if (sequence + 1 < (applied[0]?.sequence ?? 1))
    return refuse(
      "conflict",
      `${change.name} has changed too often since change ${sequence} to know whose moves this would undo; force it to do it all the same`,
    );
  for (const tag of tags) {
    const later = applied.findLast((record) => record.sequence > sequence && movesTags(record, tag));
    if (later && (later.by !== change.actor.name || (later.kind ?? "user") !== change.actor.kind))
      return refuse(
        "conflict",
        `"${tag}" of ${change.name} was moved by ${later.by} at ${later.at} (change ${later.sequence}), which this would undo; force it to do it all the same`,
      );
  }
  return undefined;
}
