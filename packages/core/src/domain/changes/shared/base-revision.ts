import * as z from "zod";
import { refuse, type Effect, type EffectsSince, type Refusal } from "./definition.ts";

/** The number in the `_rev` that the sender read. The change is refused when it would undo something newer. */
export const baseRevision = z
  .int()
  .nonnegative()
  .describe("The number in the _rev that the sender read. The change is refused when it would undo something newer.")
  .optional();

/**
 * Refuses a change with `conflict` when a change after its `baseRevision` clashes with it, or when that can no longer be known.
 *
 * A change of a kind that this version does not know always clashes: nothing is known about what it touched.
 *
 * @example changedSince(change, effectsSince, ({ fields }) => fields?.includes("maintainers"))
 */
export function changedSince(
  change: { readonly name: string; readonly baseRevision?: number | undefined },
  effectsSince: EffectsSince,
  clashes: (effect: Effect) => boolean | undefined,
): Refusal | undefined {
  if (change.baseRevision === undefined) return undefined;
  const effects = effectsSince(change.baseRevision);
  if (effects && !effects.some((effect) => effect.anything || clashes(effect))) return undefined;
  return refuse("conflict", `${change.name} changed since you read it; run the command again`);
}

/** Whether two lists of versions have one in common. */
export function overlap(some: readonly string[] = [], others: readonly string[] = []): boolean {
  return some.some((version) => others.includes(version));
}
