import { APPROVALS_MAX } from "../limits.ts";
import { Tag, Version } from "../names.ts";
import { own, stateOf } from "../packument.ts";
import { isFresh } from "../rules.ts";
import { matchesTag } from "../tag-rule.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";

/** Approves that a tag is moved to a version, once, by somebody else. Rules with `approvals` count it. */
export const tagsApprove = defineChange({
  action: "tag",
  schema: changeSchema("tags.approve", { tag: Tag, version: Version }),
  decide: ofExisting((before, { name, tag, version, at, actor }) => {
    const { rules = [], approvals = [] } = stateOf(before);
    if (!own(before.versions, version)) return refuse("not_found", `${name} has no version ${version} to approve`);
    if (!rules.some((rule) => rule.approvals && matchesTag(rule, tag)))
      return refuse("conflict", `no rule of ${name} asks for approvals of "${tag}"; just move it`);
    const others = approvals.filter(
      (one) => isFresh(one, at) && (one.tag !== tag || one.version !== version || one.by !== actor.name),
    );
    if (actor.kind !== "user") return refuse("forbidden", `only a person approves a move of "${tag}" of ${name}`);
    const all = [...others, { tag, version, by: actor.name, at }].slice(-APPROVALS_MAX);
    return { ...before, _codebox: { ...stateOf(before), approvals: all } };
  }),
  touches: ({ tag, version }) => ({ versions: [version], tag }),
  eventFields: { tag: Tag, version: Version },
  eventData: ({ tag, version }) => ({ key: { tag, version } }),
  restore: () => ({ state: ["approvals"] }),
});
