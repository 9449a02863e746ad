import { test } from "vitest";
import { scratch } from "../support/registry.ts";
import { expectTagsCommands } from "../support/tags-commands.ts";
import { startShape } from "./support/shape.ts";

test("codebox tags: history, undo and restore, on AWS", async () => {
  await using dir = await scratch();
  const shape = await startShape();
  await expectTagsCommands(shape, dir.path);
  await shape.stop();
});
