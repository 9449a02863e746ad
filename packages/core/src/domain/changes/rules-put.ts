import * as z from "zod";
import { ownersOf, stateOf, without } from "../packument.ts";
import type { CodeboxState } from "../state.ts";
import { isUserAmong } from "../rules.ts";
import { TagRules } from "../tag-rule.ts";
import { changeSchema, defineChange, ofExisting, refuse } from "./shared/definition.ts";

/** Replaces the rules for the tags of a package. Only its owners do so, whichever way the change comes. */
export const rulesPut = defineChange({
  action: "owners",
  schema: changeSchema("rules.put", { rules: TagRules }),
  decide: ofExisting((before, { name, rules, actor }) => {
    const owners = ownersOf(before);
    if (owners.length > 0 && !isUserAmong(owners, actor))
      return refuse(
        "forbidden",
        `only an owner of ${name} changes its rules; ask one of ${owners.slice(0, 5).join(", ")}`,
      );
    const state: CodeboxState = without(stateOf(before), ["rules"]);
    return { ...before, _codebox: rules.length === 0 ? state : { ...state, rules } };
  }),
  touches: () => ({}),
  eventFields: { rules: z.array(z.looseObject({ tags: z.string() })).optional() },
  eventData: ({ rules }) => ({ key: {}, more: { rules } }),
  restore: () => ({ state: ["rules"] }),
});
