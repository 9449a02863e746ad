import { Ajv, type ValidateFunction } from "ajv";
import formats from "ajv-formats";
import fc from "fast-check";
import { apply, Change, CONTRACT_DOCUMENTS, contractDocument, type Packument } from "@codebox/core";
import { describe, expect, test } from "vitest";
import { arbitraries, endingWith, kinds } from "../../packages/core/test/domain/arbitraries.ts";
import { history } from "../../packages/core/test/support/changes.ts";
import { CURRENT, readDocument } from "../../scripts/contract/files.ts";

const ajv = new Ajv({ strict: false });
formats.default(ajv);
const validator = (name: (typeof CONTRACT_DOCUMENTS)[number]) => ajv.compile(contractDocument(name));
const [isMessage, isChange, isEvent, isOutcome] = [
  validator("message.schema.json"),
  validator("change.schema.json"),
  validator("event.schema.json"),
  validator("outcome.schema.json"),
];
/** What is wrong with a value; an empty list: nothing. */
function problems(validate: ValidateFunction, value: unknown) {
  return validate(value) ? [] : (validate.errors ?? []);
}
function sentAsMessage(change: Change) {
  const { actor: _, ...message } = change;
  return message;
}
const FOR_SERVICES = readDocument(CURRENT, "message.schema.json")["oneOf"] as { readonly $ref: string }[];

describe("the documents of the contract", () => {
  test.each(CONTRACT_DOCUMENTS)("%s is as `npm run contract` writes it", (name) => {
    expect(readDocument(CURRENT, name), "run `npm run contract`").toEqual(contractDocument(name));
  });
  test("a service may send changes of tags, deprecations, unpublishes and owners, and may not publish", () => {
    const types = FOR_SERVICES.map(({ $ref }) => $ref.slice("#/definitions/".length));
    expect(types).toEqual(expect.arrayContaining(["tag.put", "tags.merge", "deprecate", "unpublish.all", "owners"]));
    expect(types).not.toContain("publish");
  });
});

describe.each(kinds)("%s", (kind) => {
  test("every change that the registry accepts is valid by the contract", () => {
    fc.assert(
      fc.property(arbitraries[kind], (change) => {
        Change.parse(change);
        expect(problems(isChange, change)).toEqual([]);
      }),
    );
  });
  test("as a message of another service it is valid without the actor, if services may send it", () => {
    const isSent = FOR_SERVICES.some(({ $ref }) => $ref === `#/definitions/${kind}`);
    fc.assert(
      fc.property(arbitraries[kind], (change) => {
        expect(isMessage(sentAsMessage(change))).toBe(isSent);
        expect(isMessage(change), "with an actor").toBe(false);
      }),
    );
  });
  test("every event that the registry sends is valid by the contract", () => {
    fc.assert(
      fc.property(endingWith(kind), ([before, change]) => {
        const applied = apply(history(before).at(-1) as Packument | undefined, change);
        if (applied.kind === "applied") expect(problems(isEvent, applied.event)).toEqual([]);
      }),
    );
  });
});

describe("an event", () => {
  const event = {
    schema: 1,
    id: "a",
    name: "wire",
    sequence: 1,
    revision: 1,
    at: "2026-01-01T00:00:00.000Z",
    actor: { name: "alice" },
    data: { name: "wire", "dist-tags": { latest: "1.0.0" } },
  };
  test("of a kind that the contract does not know is valid", () => {
    expect(problems(isEvent, { ...event, type: "later", data: { ...event.data, more: 1 } })).toEqual([]);
  });
  test("with more fields is valid", () => {
    expect(problems(isEvent, { ...event, type: "star", more: 1, data: { ...event.data, starred: true } })).toEqual([]);
  });
  test("without the fields of its kind is not valid", () => {
    expect(isEvent({ ...event, type: "tag.put" })).toBe(false);
  });
});

test("a message with an unknown field, or with a range in place of a version, is not valid", () => {
  const message = { schema: 1, id: "a", name: "wire", at: "2026-01-01T00:00:00.000Z", type: "tag.put", tag: "next" };
  expect(isMessage({ ...message, version: "1.0.0" })).toBe(true);
  expect(isMessage({ ...message, version: "1.0.0", more: 1 })).toBe(false);
  expect(isMessage({ ...message, version: "^1.0.0" })).toBe(false);
});

test("a status of each state is valid", () => {
  const change = { id: "a", name: "wire" };
  for (const status of [
    { ...change, state: "pending" },
    { ...change, state: "applied", sequence: 1, revision: 1, "dist-tags": { latest: "1.0.0" } },
    { ...change, state: "rejected", code: "not_found", error: "wire has no version 2.0.0" },
    { ...change, state: "failed", error: "a dead letter" },
  ])
    expect(problems(isOutcome, status)).toEqual([]);
  expect(isOutcome({ ...change, state: "rejected", code: "other", error: "" })).toBe(false);
});
