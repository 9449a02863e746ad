import { contractDocument, type ContractDocument } from "@codebox/core";
import { describe, expect, test } from "vitest";
import { breakingChanges, type Schema } from "../../scripts/contract/breaking.ts";
import { DIRECTIONS, readDocument, RELEASED } from "../../scripts/contract/files.ts";

test.each(Object.entries(DIRECTIONS))("%s breaks nobody who was written for the released one", (name, direction) => {
  const released = readDocument(RELEASED, name as ContractDocument);
  expect(breakingChanges(released, contractDocument(name as ContractDocument), direction)).toEqual([]);
});

const schema: Schema = {
  type: "object",
  properties: {
    tag: { $ref: "#/definitions/Tag" },
    state: { enum: ["a", "b"] },
    size: { type: "integer", maximum: 10 },
    note: { type: "string" },
  },
  required: ["tag"],
  additionalProperties: false,
  definitions: { Tag: { type: "string", pattern: "^[a-z]+$" } },
};
const properties = schema["properties"] as Record<string, Schema>;
const withProperty = (name: string, value: Schema) => ({ ...schema, properties: { ...properties, [name]: value } });
const { note: _, ...withoutNote } = properties;
const renamed = { ...schema, properties: { ...withoutNote, remark: { type: "string" } } };
const open = (some: Schema) => ({ ...some, additionalProperties: {} });

/** A change of the schema, and whether it breaks those who send, and those who receive. */
const CASES: readonly (readonly [string, Schema, boolean, boolean])[] = [
  ["nothing", schema, false, false],
  ["a new optional field", withProperty("more", { type: "string" }), false, false],
  ["a field removed", { ...schema, properties: withoutNote }, true, true],
  ["a field renamed", renamed, true, true],
  ["a field required that was optional", { ...schema, required: ["tag", "note"] }, true, false],
  ["a field optional that was required", { ...schema, required: [] }, false, true],
  ["another type", withProperty("note", { type: "number" }), true, true],
  ["a type widened", withProperty("note", { type: ["string", "null"] }), false, true],
  ["a value added", withProperty("state", { enum: ["a", "b", "c"] }), false, true],
  ["a value removed", withProperty("state", { enum: ["a"] }), true, false],
  ["a limit raised", withProperty("size", { type: "integer", maximum: 20 }), false, true],
  ["a limit lowered", withProperty("size", { type: "integer", maximum: 5 }), true, false],
  ["a limit added", withProperty("note", { type: "string", maxLength: 5 }), true, false],
  ["another pattern", { ...schema, definitions: { Tag: { type: "string", pattern: "^[a-z0-9]+$" } } }, true, true],
];
describe("breakingChanges", () => {
  test.each(CASES)("%s", (_name, after, breaksSenders, breaksReceivers) => {
    expect(breakingChanges(schema, after, "input").length > 0).toBe(breaksSenders);
    expect(breakingChanges(open(schema), open(after), "output").length > 0).toBe(breaksReceivers);
  });

  const kind = (name: string): Schema => ({ type: "object", properties: { type: { const: name } } });
  const oneOf = (...names: string[]): Schema => ({
    oneOf: names.map((name) => ({ $ref: `#/definitions/${name}` })),
    definitions: Object.fromEntries(names.map((name) => [name, kind(name)])),
  });
  test("a new kind of message breaks no sender, and a removed one does", () => {
    expect(breakingChanges(oneOf("a"), oneOf("a", "b"), "input")).toEqual([]);
    expect(breakingChanges(oneOf("a", "b"), oneOf("a"), "input")).toEqual(['b.type: the value "b" is not known']);
  });
  const events = (...names: string[]): Schema => ({
    type: "object",
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    allOf: names.map((name) => ({ if: kind(name), then: kind(name) })),
    definitions: {},
  });
  test("a new kind of event breaks no subscriber, and a removed one does", () => {
    expect(breakingChanges(events("a", "c"), events("a", "b", "c"), "output")).toEqual([]);
    expect(breakingChanges(events("a", "b", "c"), events("a", "c"), "output")).toEqual([
      "the message: the kind b is gone",
    ]);
  });
});
