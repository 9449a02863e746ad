import assert from "node:assert/strict";
import { at, expectCode, expectStatus, header, stringAt } from "../answer.ts";
import { check, type Check } from "../check.ts";

const EVENT_SCHEMA = "/-/contract/v1/event.schema.json";

export const contractChecks: readonly Check[] = [
  check("CON-1 CON-2", "the contract names its documents, and each is there without a token", async (registry) => {
    const { json } = expectStatus(await registry.get("/-/contract", { token: null }), 200);
    assert.match(stringAt(json, "version"), /^\d+\.\d+\.\d+$/);
    const documents = at(json, "documents") as Readonly<Record<string, string>>;
    const wanted = ["message.schema.json", "event.schema.json", "outcome.schema.json", "asyncapi.json"];
    for (const name of wanted) assert.ok(name in documents, `${name} is missing`);
    for (const url of Object.values(documents)) {
      const document = expectStatus(await registry.get(new URL(url).pathname, { token: null }), 200);
      assert.ok(at(document.json, "$schema") ?? at(document.json, "asyncapi"), `${url} is neither schema nor AsyncAPI`);
    }
    expectCode(await registry.get("/-/contract/v1/other.json", { token: null }), 404, "not_found");
  }),
  check("CON-3", "a document has an ETag, is answered with 304, and may be kept by every cache", async (registry) => {
    const answer = expectStatus(await registry.get(EVENT_SCHEMA), 200);
    assert.match(header(answer, "cache-control"), /\bpublic\b/);
    const again = { "if-none-match": header(answer, "etag") };
    expectStatus(await registry.get(EVENT_SCHEMA, { headers: again }), 304);
  }),
];
