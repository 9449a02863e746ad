import { refusalOfMove, type RuleContext } from "./rules.ts";
import { without, type Packument } from "./packument.ts";
import type { AppliedRecord, ChangeDetail, Moved } from "./state.ts";
import type { TagRule } from "./tag-rule.ts";

/** A recorded move that rules would have refused, and why. */
export type WouldRefuse = Pick<AppliedRecord, "sequence" | "at" | "by" | "type"> &
  Moved & { readonly tag: string; readonly reason: string };

/**
 * Which moves of the past rules would have refused: a trial before they are set.
 *
 * @example wouldRefuse(rules, entries, packument, NO_CONTEXT) // [{ sequence: 7, tag: "latest", from: "2.0.0", to: "1.0.0", … }]
 *
 * A version that was unpublished since is judged by its number only. Approvals are left out: nobody could give one.
 */
export function wouldRefuse(
  rules: readonly TagRule[],
  entries: readonly (Pick<AppliedRecord, "sequence" | "at" | "by" | "kind" | "type"> & Pick<ChangeDetail, "tags">)[],
  packument: Packument,
  context: RuleContext,
): readonly WouldRefuse[] {
  const judged = rules.map((rule): TagRule => without(rule, ["approvals"]));
  return entries.flatMap(({ sequence, at, by, kind, type, tags = {} }) =>
    type === "unpublish.all"
      ? []
      : Object.entries(tags).flatMap(([tag, move]) => {
          const ruled = {
            tag,
            ...move,
            at,
            actor: { kind: kind ?? ("user" as const), name: by },
            returns: type === "tags.undo",
            approvals: [],
          };
          const reason = isFirst(sequence) ? undefined : refusalOfMove(judged, ruled, packument, context);
          return reason === undefined ? [] : [{ sequence, at, by, type, tag, ...move, reason }];
        }),
  );
}

/** The change that made the package: there were no rules yet. */
const isFirst = (sequence: number): boolean => sequence === 1;
