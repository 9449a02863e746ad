import type { Change } from "./change.ts";
import { detailFields, type SpilledDetail } from "./detail.ts";
import { definitionOf, effectOf } from "./changes/index.ts";
import { Refusal, type EffectsSince } from "./changes/shared/definition.ts";
import type { ChangeEvent } from "./event.ts";
import { recordsSince, withoutArchived } from "./history.ts";
import { EVENT_DATA_MAX } from "./limits.ts";
import type { Rejection } from "./outcome.ts";
import { NO_CONTEXT, refusedByRules, withUsedApprovals, type RuleContext } from "./rules.ts";
import { stateOf, type Packument } from "./packument.ts";
import type { AppliedRecord } from "./state.ts";

/** What `apply` returns. */
export type Applied =
  | {
      readonly kind: "applied";
      readonly packument: Packument;
      readonly event: ChangeEvent;
      /** A detail that the record only names. It has to be stored before the packument is. */
      readonly spilled?: SpilledDetail;
    }
  /** The change's id is in the ring: it was applied before, and there is nothing to do. */
  | { readonly kind: "replayed"; readonly packument: Packument; readonly record: AppliedRecord }
  | { readonly kind: "rejected"; readonly rejection: Rejection };

/**
 * Applies a change to a package: the only place where a packument is altered.
 *
 * Pure: no clock, no randomness, no I/O. The API runs it to validate, the consumer to apply, and again after every lost
 * conditional write. The definition of the change's kind (`domain/changes`) decides; the result then has the change's record
 * in the ring, the next revision and sequence, and the event in the outbox.
 *
 * After that the rules for the tags of the package and of its scope are asked, whatever the kind: no change goes round them.
 *
 * @param context teams and the rules of scopes, which are kept elsewhere. Default: there are none.
 * @example apply(undefined, publish) // { kind: "applied", packument, event }
 */
export function apply(before: Packument | undefined, change: Change, context: RuleContext = NO_CONTEXT): Applied {
  return applyIf(before, change, context, (result) => refusedByRules(before, result, change, context));
}

/**
 * Applies a change that the package's rules admitted before: that of a committed release. Else the same as `apply`.
 *
 * @example applyDecided(packument, change)
 */
export function applyDecided(before: Packument | undefined, change: Change): Applied {
  return applyIf(before, change, NO_CONTEXT, () => undefined);
}

function applyIf(
  before: Packument | undefined,
  change: Change,
  context: RuleContext,
  refusal: (after: Packument) => Rejection | undefined,
): Applied {
  const replay = stateOf(before).applied.find((record) => record.id === change.id);
  if (before && replay) return { kind: "replayed", packument: before, record: replay };
  const effectsSince: EffectsSince = (revision) => before && recordsSince(before, revision)?.map(effectOf);
  const result = definitionOf(change).decide(before, change, effectsSince, context);
  if (result instanceof Refusal) return { kind: "rejected", rejection: result.rejection };
  const rejection = refusal(result);
  return rejection ? { kind: "rejected", rejection } : recorded(before, change, withUsedApprovals(before, result));
}

/** The packument without the outbox events with these ids: it is known that they were emitted. */
export function withoutEmitted(packument: Packument, ids: ReadonlySet<string>): Packument {
  const state = stateOf(packument);
  return { ...packument, _codebox: { ...state, outbox: state.outbox.filter((event) => !ids.has(event.id)) } };
}

/** The decided packument with the change's record and event. */
function recorded(before: Packument | undefined, change: Change, decided: Packument): Applied {
  const state = stateOf(before);
  const { id, name, type, at, actor, why } = change;
  const release = change.release === undefined ? {} : { release: change.release.id };
  const sequence = state.sequence + 1;
  const revision = state.revision + 1;
  const data = eventData(change, decided);
  const event: ChangeEvent = {
    schema: 1,
    id,
    name,
    sequence,
    revision,
    type,
    at,
    actor: { name: actor.name },
    ...release,
    data,
  };
  const touched = definitionOf(change).touches(change, before);
  const { fields, spilled } = detailFields(before, decided, touched.versions ?? []);
  const record: AppliedRecord = {
    id,
    sequence,
    type,
    at,
    by: actor.name,
    ...(actor.kind === "user" ? {} : { kind: actor.kind }),
    ...touched,
    ...(why === undefined ? {} : { why }),
    ...release,
    ...fields,
  };
  const packument: Packument = {
    ...decided,
    time: { ...decided.time, modified: at },
    _codebox: {
      ...stateOf(decided),
      revision,
      sequence,
      applied: withoutArchived([...state.applied, record], state.archived?.to),
      outbox: [...state.outbox, event],
    },
  };
  return { kind: "applied", packument, event, ...(spilled ? { spilled } : {}) };
}

/** The event's body, cut to its key fields when it would not fit a message. */
function eventData(change: Change, after: Packument): ChangeEvent["data"] {
  const { key, more } = definitionOf(change).eventData(change, after);
  const data = { name: change.name, ...key, "dist-tags": after["dist-tags"], ...more };
  return JSON.stringify(data).length <= EVENT_DATA_MAX ? data : { name: change.name, ...key, truncated: true };
}
