import * as z from "zod";
import { movedBack, movesTags } from "../detail.ts";
import { TAGS_MAX } from "../limits.ts";
import { ChangeId, Tag, Version } from "../names.ts";
import { own, stateOf } from "../packument.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";
import { ifMatch, retagged } from "./shared/tags.ts";
import { othersMovedSince } from "./shared/undo.ts";

/** Where the change that is undone moved a tag: the tag goes back to `from`, or away when it was new. */
const Move = z.strictObject({ from: Version.optional(), to: Version.optional() });

/**
 * Takes back what one change did to the tags.
 *
 * The sender reads the moves from the history, which may have more of it than the document. Where the document still has the
 * record, it must agree.
 */
export const tagsUndo = defineChange({
  action: "tag",
  schema: changeSchema("tags.undo", {
    undoes: ChangeId,
    /** The sequence of the change that is undone. */
    sequence: z.int().positive(),
    tags: z
      .record(Tag, Move)
      .refine((tags) => Object.keys(tags).length > 0, "an undo names the tags that it takes back")
      .refine((tags) => Object.keys(tags).length <= TAGS_MAX, `an undo takes back at most ${TAGS_MAX} tags`)
      .meta({ minProperties: 1, maxProperties: TAGS_MAX }),
    force: z.boolean().optional(),
    ifMatch,
  }),
  decide: ofExisting((before, change) => {
    const { name, undoes, sequence, tags } = change;
    const record = stateOf(before).applied.find(({ id }) => id === undoes);
    const isAsRecorded = Object.entries(tags).every(([tag, { from, to }]) => {
      const recorded = own(record?.detail?.tags, tag);
      return recorded?.from === from && recorded?.to === to;
    });
    if (record && record.detailIn === undefined && (record.sequence !== sequence || !isAsRecorded))
      return refuse("conflict", `the change ${undoes} of ${name} did not move these tags so; read the history again`);
    const names = Object.keys(tags);
    const refused = othersMovedSince(before, change, { sequence, tags: names });
    if (refused) return refused;
    const { applied } = stateOf(before);
    const isElsewhere = (tag: string) =>
      own(before["dist-tags"], tag) !== own(tags, tag)?.to &&
      !applied.some((later) => later.sequence > sequence && movesTags(later, tag));
    const stray = change.force === true ? undefined : names.find(isElsewhere);
    if (stray !== undefined)
      return refuse(
        "conflict",
        `"${stray}" of ${name} is no longer where change ${sequence} put it, and the history does not say who moved it; force it to undo it all the same`,
      );
    return retagged(before, change, movedBack(before["dist-tags"], tags));
  }),
  touches: ({ tags }) => {
    const [tag, ...others] = Object.keys(tags);
    return tag === undefined || others.length > 0 ? {} : { tag };
  },
  eventFields: { undoes: ChangeId },
  eventData: ({ undoes }) => ({ key: { undoes } }),
  restore: ({ tag }) => (tag === undefined ? { tags: "replaced" } : { tag }),
});
