import * as z from "zod";
import { GROUP_MAX, GROUPS_MAX } from "../../limits.ts";
import { ActorName, ChangeId, PackageName, ReleaseId } from "../../names.ts";
import type { Rejection, RejectionCode } from "../../outcome.ts";
import { exists, type Packument } from "../../packument.ts";
import type { AppliedRecord } from "../../state.ts";
import type { RuleContext } from "../../rules.ts";
import { Why } from "../../why.ts";

/**
 * All that codebox knows about one kind of change. Each kind has its own file in `domain/changes`, which exports one of these;
 * the table in `changes/index.ts` lists them.
 *
 * Every part is pure: no clock, no randomness, no I/O.
 *
 * @example export const star = defineChange({ schema: changeSchema("star", { starred: z.boolean() }), decide, … })
 */
export type ChangeDefinition<C> = {
  /** The action that a sender must be allowed. The policy decides by it: `access/policy.ts`. */
  readonly action: ChangeAction;
  /** What a change of this kind looks like on the wire. Made by `changeSchema`. */
  readonly schema: z.ZodType<C>;
  /** The packument after the change, or why it is refused. `apply` adds the record of the change. */
  readonly decide: Decide<C, Packument | undefined>;
  /** What the record in the ring says about the change. It is all that `restore` sees later. */
  readonly touches: (change: C, before: Packument | undefined) => Touched;
  /**
   * The fields of `eventData`, for the contract with subscribers. Fields of `more` are optional. Absent: the contract says only that
   * an event of this kind may have more fields.
   */
  readonly eventFields?: z.ZodRawShape;
  /** The body of the event. `after` is the packument that `decide` returned. */
  readonly eventData: (change: C, after: Packument) => EventData;
  /** What a change with this record touched: used to find conflicts, and to bring the change back after a stale foreign write. */
  readonly restore: (record: AppliedRecord) => Effect;
};

/** The actions that change a package. Closed: a right is granted for an action, not for a kind of change. */
export const CHANGE_ACTIONS = ["tag", "stage", "publish", "deprecate", "unpublish", "owners", "star"] as const;
export type ChangeAction = (typeof CHANGE_ACTIONS)[number];

/** Decides about a change, given the packument before it. */
export type Decide<C, Before> = (
  before: Before,
  change: C,
  effectsSince: EffectsSince,
  context: RuleContext,
) => Packument | Refusal;

/** The effects of the changes after a revision; `undefined` when the ring does not reach back to it. */
export type EffectsSince = (revision: number) => readonly Effect[] | undefined;

/** The fields of a ring record that depend on the kind. A ring holds 256 records, so they stay short. */
type Touched = Pick<AppliedRecord, "versions" | "tag">;

/**
 * The body of an event, in two parts. `name` and `dist-tags` are added for every kind.
 *
 * @example { key: { version: "1.0.0" }, more: { description: "…" } }
 */
type EventData = {
  /** What a subscriber needs to read the rest from the packument. Always sent, so it must be small. */
  readonly key: Readonly<Record<string, unknown>>;
  /** Fields for convenience. Left out when the event would be over `EVENT_DATA_MAX`. */
  readonly more?: Readonly<Record<string, unknown>>;
};

/**
 * What a change touched in the packument, read from its record. `restored` folds over effects and knows no kinds.
 *
 * @example { tag: "next" } // a tag was set or removed
 * @example { fields: ["maintainers"] } // the owners were replaced
 */
export type Effect = {
  /** Versions that it added, with their times and the tags that point at them. */
  readonly added?: readonly string[] | undefined;
  /** Versions that it removed. Tags and stars may have gone with them; the record does not name these. */
  readonly removed?: readonly string[] | undefined;
  /** Versions whose deprecation message it set or removed. */
  readonly deprecated?: readonly string[] | undefined;
  /** The tag that it set or removed. */
  readonly tag?: string | undefined;
  /** `replaced`: it set all tags at once. `merged`: it set tags that its record does not name. */
  readonly tags?: "replaced" | "merged";
  /** The users whose stars it set or removed. */
  readonly stars?: readonly string[];
  /** Fields at the top of the packument that it set or removed. */
  readonly fields?: readonly string[];
  /** Fields of codebox's own state that it set or removed. */
  readonly state?: readonly ("rules" | "approvals" | "givenBack" | "staged")[];
  /** It may have touched anything else as well. Only for kinds that this version does not know. */
  readonly anything?: true;
};

/** Why `decide` refuses a change. A class, because a packument may have fields of any name. */
export class Refusal {
  readonly rejection: Rejection;
  constructor(rejection: Rejection) {
    this.rejection = rejection;
  }
}

/**
 * Refuses a change.
 *
 * @example return refuse("not_found", `${name} has no tag "${tag}"`)
 */
export function refuse(code: RejectionCode, message: string): Refusal {
  return new Refusal({ code, message });
}

/** The fields that every change has. */
const common = {
  schema: z.literal(1),
  id: ChangeId,
  name: PackageName,
  /** When it was accepted, ISO 8601 in UTC. */
  at: z.iso
    .datetime({ message: '"at" must be an ISO 8601 time in UTC, such as "2026-11-24T10:00:00.000Z"' })
    .describe("When the change was made, ISO 8601 in UTC."),
  /** Who makes the change. `submit` and the intake of other services' messages set it; no sender sets its own. */
  actor: z.strictObject({
    kind: z.enum(["user", "workload", "service"]),
    name: ActorName,
    /** The groups of a user at the sign-in provider, for the consumer's check of rights. */
    groups: z.array(z.string().max(GROUP_MAX)).max(GROUPS_MAX).exactOptional(),
  }),
  /**
   * The release that the change is part of. Only the registry's own API sends it: the release's record names each of its changes.
   * `prepare`: it is decided, and waits in the document. `finish`: it is applied if the release is committed.
   */
  release: z.strictObject({ id: ReleaseId, step: z.enum(["prepare", "finish"]) }).optional(),
};

/**
 * The schema of a kind: the fields that every change has, `why`, and its own. Unknown fields are refused.
 *
 * @example changeSchema("tag.remove", { tag: Tag, ifMatch })
 */
export function changeSchema<Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.strictObject({ ...common, type: z.literal(type), why: Why.optional(), ...fields });
}

/** Types the parts of a kind by its schema. It returns what it is given. */
export function defineChange<Schema extends z.ZodType>(
  definition: ChangeDefinition<z.infer<Schema>> & { readonly schema: Schema },
) {
  return definition;
}

/**
 * `decide` for the kinds that need a package to change: all but publish. Without one the change is refused with `not_found`.
 *
 * @example decide: ofExisting((before, { tag }) => …)
 */
export function ofExisting<C extends { readonly name: string }>(
  decide: Decide<C, Packument>,
): Decide<C, Packument | undefined> {
  return (before, change, effectsSince, context) =>
    exists(before)
      ? decide(before, change, effectsSince, context)
      : refuse("not_found", `the package "${change.name}" does not exist; publish it first`);
}
