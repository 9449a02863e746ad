import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { clientsTables } from "../clients/table.ts";

/** Without what the formatter does to a table. */
const cells = (text: string) => text.replaceAll(/[ -]+/g, " ").trim();

test("docs/clients.md is what the suite of clients tests; if not, `npm run clients`", () => {
  const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/clients.md"), "utf8");
  const [, tables] = /<!-- clients:start -->([\s\S]*?)<!-- clients:end -->/.exec(text) ?? [];
  expect(cells(tables ?? "")).toBe(cells(clientsTables()));
});
