import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LAYOUT, type Area } from "@codebox/core";
import { expect, test } from "vitest";

test("the table of the store's layout in docs/store.md is the one of layout.ts", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/store.md"), "utf8");
  const [, table = ""] = /<!-- layout:start -->\n([\s\S]*?)<!-- layout:end -->/.exec(text) ?? [];
  const rows = table
    .trim()
    .split("\n")
    .slice(2)
    .map((row) => row.split("|").map((cell) => cell.trim()));
  expect(rows.map((row) => row.slice(1, -1))).toEqual(
    Object.values<Area>(LAYOUT).map(({ prefix, purpose, days }) => [
      `\`${prefix}\``,
      purpose,
      days === undefined ? "until it is deleted" : `${days} days`,
    ]),
  );
});
