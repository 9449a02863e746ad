import { stagedAt, withStaged } from "../staged.ts";
import { changeSchema, defineChange, refuse } from "./shared/definition.ts";
import { StageId } from "./shared/publishing.ts";

/** Removes a staged version: it is not published, and its version may be staged or published again. */
export const stageReject = defineChange({
  action: "publish",
  schema: changeSchema("stage.reject", { stage: StageId }),
  decide: (before, { name, stage, at, actor }) => {
    const staged = stagedAt(before, at);
    const entry = staged.find(({ id }) => id === stage);
    if (!before || !entry)
      return refuse(
        "not_found",
        `no version of ${name} is staged as ${stage}: it was approved or rejected, or it expired`,
      );
    if (actor.kind !== "user") return refuse("forbidden", `only a person rejects a staged version of ${name}`);
    return withStaged(
      before,
      staged.filter(({ id }) => id !== stage),
    );
  },
  touches: () => ({}),
  eventFields: {},
  eventData: () => ({ key: {} }),
  restore: () => ({ state: ["staged"] }),
});
