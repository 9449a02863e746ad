import * as z from "zod";
import { OWNERS_MAX } from "../limits.ts";
import { UserName } from "../names.ts";
import type { Person } from "../packument.ts";
import { baseRevision, changedSince } from "./shared/base-revision.ts";
import { changeSchema, defineChange, ofExisting } from "./shared/definition.ts";

const Maintainers = z
  .array(z.strictObject({ name: UserName, email: z.string().max(254).optional() }))
  .min(1, "a package needs at least one owner; add another before you remove the last")
  .max(OWNERS_MAX, `a package has at most ${OWNERS_MAX} owners`);

/** Replaces the owners of a package. */
export const owners = defineChange({
  action: "owners",
  schema: changeSchema("owners", {
    maintainers: Maintainers,
    baseRevision,
  }),
  decide: ofExisting(
    (before, change, effectsSince) =>
      changedSince(change, effectsSince, ({ fields }) => fields?.includes("maintainers")) ?? {
        ...before,
        maintainers: change.maintainers as readonly Person[],
      },
  ),
  touches: () => ({}),
  eventFields: { maintainers: Maintainers },
  eventData: ({ maintainers }) => ({ key: { maintainers } }),
  restore: () => ({ fields: ["maintainers"] }),
});
