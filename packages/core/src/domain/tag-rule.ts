import * as z from "zod";
import { millisecondsOf, weekMinuteOf } from "./instants.ts";
import { TAG_MAX, TAG_RULES_MAX, TAG_RULE_LIST_MAX, TAG_RULE_TEXT_MAX } from "./limits.ts";
import { GroupSubject, UserName } from "./names.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const time = z.iso.datetime({ message: 'a time must be ISO 8601 in UTC, such as "2026-12-20T00:00:00Z"' });
const weekTime = z
  .string()
  .regex(
    /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) (?:[01]\d|2[0-3]):[0-5]\d$/,
    'a time of the week is written "Fri 16:00" (UTC)',
  );

/** When a tag must not move: once, or every week. All times are in UTC. */
const Freeze = z.union(
  [
    z.strictObject({ from: time, until: time }),
    z.strictObject({ weekly: z.strictObject({ from: weekTime, until: weekTime }) }),
  ],
  'a freeze is {"from": "<time>", "until": "<time>"} or {"weekly": {"from": "Fri 16:00", "until": "Mon 06:00"}}',
);
type Freeze = z.infer<typeof Freeze>;

/** A user; a team, a group of a sign-in provider, a CI job or another service after its kind. Teams and groups are named as in the rights. */
const Mover = z.union(
  [
    UserName,
    z.string().regex(/^team:[a-z0-9~-][a-z0-9._~-]{0,99}:[a-z0-9~-][a-z0-9._~-]{0,99}$/),
    GroupSubject,
    z.string().regex(/^(?:workload|service):[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,199}$/),
  ],
  'name a user ("alice"), a team ("team:acme:release"), a group ("group:github:acme/platform"), a CI job ("workload:github:acme/wire") or a service ("service:release")',
);

/**
 * A rule for the tags whose names match a pattern. Every rule that matches a tag must hold.
 *
 * @example { tags: "latest", movers: ["alice", "team:acme:release"], forward: true, releases: true }
 *
 * - `tags`: the tag's name. One `*` stands for any text.
 * - `movers`: who may set, move and remove the tags. Absent: everybody who may tag.
 * - `forward`: the tags move to higher versions only (semver), and are not removed. An undo may return a tag.
 * - `releases`: the tags never point at a prerelease.
 * - `from`: `ci`: only at versions that a CI job published with its own identity; `provenance`: only at versions with verified provenance.
 * - `minutes`: only at versions that were published at least so long ago.
 * - `freeze`: when the tags do not move at all.
 * - `approvals`: how many others must have approved the move, and who counts (`by`; absent: everybody who may tag).
 * - `note`: a text for the people who are refused.
 */
export const TagRule = z.strictObject({
  tags: z
    .string()
    .max(TAG_MAX)
    .regex(/^[^*\s]*\*?[^*\s]*$/, 'a pattern of tags has at most one "*" and no blanks, such as "latest" or "v*-lts"')
    .min(1, 'a pattern of tags must not be empty; "*" stands for all tags'),
  movers: z
    .array(Mover)
    .min(1, "a rule with movers names at least one; leave the field out to admit everybody who may tag")
    .max(TAG_RULE_LIST_MAX)
    .optional(),
  forward: z.literal(true).optional(),
  releases: z.literal(true).optional(),
  from: z.enum(["ci", "provenance"]).optional(),
  minutes: z.int().positive().max(525_600, "a version need not be older than a year").optional(),
  freeze: z.array(Freeze).min(1).max(TAG_RULE_LIST_MAX).optional(),
  approvals: z
    .strictObject({
      count: z.int().min(1).max(10, "a move needs at most 10 approvals"),
      by: z.array(Mover).min(1).max(TAG_RULE_LIST_MAX).optional(),
    })
    .optional(),
  note: z.string().min(1).max(TAG_RULE_TEXT_MAX).optional(),
});
/** A rule for tags. */
export type TagRule = z.infer<typeof TagRule>;

/** The rules of a package. */
export const TagRules = z.array(TagRule).max(TAG_RULES_MAX, `a package has at most ${TAG_RULES_MAX} rules`);

/** Whether a rule is about a tag. */
export function matchesTag({ tags }: Pick<TagRule, "tags">, tag: string): boolean {
  const [start = "", end] = tags.split("*");
  if (end === undefined) return tag === tags;
  return tag.length >= start.length + end.length && tag.startsWith(start) && tag.endsWith(end);
}

/** Until when a freeze holds, for a message; `undefined`: it does not hold at this time. */
export function frozenUntil(freeze: Freeze, at: string): string | undefined {
  if ("weekly" in freeze) {
    const [from, until, now] = [weekMinute(freeze.weekly.from), weekMinute(freeze.weekly.until), weekMinuteOf(at)];
    const holds = from <= until ? from <= now && now < until : from <= now || now < until;
    return holds ? `${freeze.weekly.until} UTC` : undefined;
  }
  const now = millisecondsOf(at);
  return millisecondsOf(freeze.from) <= now && now < millisecondsOf(freeze.until) ? freeze.until : undefined;
}

function weekMinute(text: string): number {
  const [day = "", hour, minute] = text.split(/[ :]/);
  return (DAYS.indexOf(day) * 24 + Number(hour)) * 60 + Number(minute);
}
