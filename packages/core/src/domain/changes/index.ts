import type * as z from "zod";
import { own } from "../packument.ts";
import type { AppliedRecord } from "../state.ts";
import { deprecate } from "./deprecate.ts";
import { nameGiveBack } from "./name-give-back.ts";
import { owners } from "./owners.ts";
import { publish } from "./publish.ts";
import { rulesPut } from "./rules-put.ts";
import type { ChangeAction, ChangeDefinition, Effect } from "./shared/definition.ts";
import { stage } from "./stage.ts";
import { stageReject } from "./stage-reject.ts";
import { star } from "./star.ts";
import { tagPut } from "./tag-put.ts";
import { tagRemove } from "./tag-remove.ts";
import { tagsApprove } from "./tags-approve.ts";
import { tagsMerge } from "./tags-merge.ts";
import { tagsReplace } from "./tags-replace.ts";
import { tagsRestore } from "./tags-restore.ts";
import { tagsUndo } from "./tags-undo.ts";
import { unpublishAll } from "./unpublish-all.ts";
import { unpublishVersions } from "./unpublish-versions.ts";

const table = {
  "tag.put": tagPut,
  "tag.remove": tagRemove,
  "tags.replace": tagsReplace,
  "tags.merge": tagsMerge,
  "tags.undo": tagsUndo,
  "tags.restore": tagsRestore,
  "tags.approve": tagsApprove,
  publish,
  stage,
  "stage.reject": stageReject,
  deprecate,
  "unpublish.versions": unpublishVersions,
  "unpublish.all": unpublishAll,
  owners,
  "rules.put": rulesPut,
  star,
  "name.give-back": nameGiveBack,
};
type Table = typeof table;
type AnyChange = z.infer<Table[keyof Table]["schema"]>;

/** The schemas of all kinds, in the order of the table. `Change` is their union. */
export const schemas = Object.values(table).map(({ schema }) => schema);

/** What the contract with other services says about each kind, in the order of the table. */
export const kinds: readonly Kind[] = Object.entries(table).map(([type, definition]) => ({ type, ...definition }));
type Kind = { readonly type: string; readonly schema: z.ZodType } & Pick<
  ChangeDefinition<never>,
  "action" | "eventFields"
>;

/**
 * Every kind of change, under its `type`. The only place that lists the kinds: validation, `apply`, events, history and
 * `restored` all read from it. Does not compile when a kind lacks a part or is under a type that is not its own.
 */
const definitions: { readonly [Type in AnyChange["type"]]: ChangeDefinition<AnyChange & { type: Type }> } = table;

/** The definition of a change's kind. */
export function definitionOf<C extends AnyChange>({ type }: C): ChangeDefinition<C> {
  // Type and definition belong together by the type of `definitions`; the compiler cannot follow it through the union.
  return definitions[type] as unknown as ChangeDefinition<C>;
}

/**
 * The action that a change needs.
 *
 * @example actionOf({ type: "tags.merge", … }) // "tag"
 */
export function actionOf(change: AnyChange): ChangeAction {
  return definitionOf(change).action;
}

/**
 * What a recorded change touched.
 *
 * A record of a kind that this version does not know was written by a newer version. It counts as a change of anything:
 * it clashes with every change that has an older `baseRevision`, and when it is lost, all that we know of the package is
 * restored, except what later changes touched.
 */
export function effectOf(record: AppliedRecord): Effect {
  const definition = own<Pick<ChangeDefinition<never>, "restore">>(definitions, record.type);
  return definition ? definition.restore(record) : { anything: true, added: record.versions, tag: record.tag };
}
