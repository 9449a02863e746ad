import * as z from "zod";
import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";

/** Sets or removes the actor's own star. */
export const star = defineChange({
  action: "star",
  schema: changeSchema("star", { starred: z.boolean() }),
  decide: ofExisting((before, { starred, actor }) => {
    const others = Object.entries(before.users ?? {}).filter(([user]) => user !== actor.name);
    return { ...before, users: Object.fromEntries(starred ? [...others, [actor.name, true]] : others) };
  }),
  touches: () => ({}),
  eventFields: { starred: z.boolean() },
  eventData: ({ starred }) => ({ key: { starred } }),
  restore: ({ by }) => ({ stars: [by] }),
});
