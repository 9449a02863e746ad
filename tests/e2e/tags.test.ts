import { expect, test } from "vitest";
import { codebox, expectTagsCommands } from "../support/tags-commands.ts";
import { scratch, startRegistry } from "../support/registry.ts";

test("codebox tags: history, undo and restore, on the Node host", async () => {
  await using dir = await scratch();
  const registry = await startRegistry(`${dir.path}/data`);
  await expectTagsCommands(registry, dir.path);
  const wrong = await codebox(dir.path, ["tags", "restore", "@acme/tags", "yesterday"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("neither a time");
  await registry.stop();
});
