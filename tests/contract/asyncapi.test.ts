import { Parser } from "@asyncapi/parser";
import { contractDocument } from "@codebox/core";
import { expect, test } from "vitest";

test("AsyncAPI's own parser finds no error in the document", async () => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(contractDocument("asyncapi.json")));
  // Severity 0 is an error, 1 a warning.
  expect(diagnostics.filter(({ severity }) => severity <= 1)).toEqual([]);
  const operations = document
    ?.operations()
    .all()
    .map((one) => [one.id(), one.action(), one.messages().length > 0]);
  expect(operations).toEqual([
    ["takeChangeFromTopic", "receive", true],
    ["takeChangeFromQueue", "receive", true],
    ["announceOnTopic", "send", true],
    ["announceOnStream", "send", true],
  ]);
});
