import { expect, test } from "vitest";
import { applied, given, packumentAfter, publishOf, replayed, tagPut } from "@codebox/testing";
import { effectOf, type ChangeOf } from "../../src/index.ts";

/** A package with two versions, after two revisions. */
const wire = packumentAfter([publishOf("wire", "1.0.0"), publishOf("wire", "2.0.0")]);
const put = (tag: string, version: string, id?: string) => tagPut("wire", tag, version, id);
const publishing = (manifest: object): ChangeOf<"publish"> => {
  const change = publishOf("wire", "1.0.0");
  return { ...change, manifest: { ...change.manifest, ...manifest } };
};

test("a change that was applied before does nothing, and is recognised by its id alone", () => {
  const once = packumentAfter([put("next", "1.0.0", "same")], wire);
  const { packument } = given(once)
    .when(put("next", "2.0.0", "same"))
    .then(replayed());
  expect(packument).toBe(once);
});
test("says what the change touched; a record of an unknown kind may have touched anything", () => {
  const record = { id: "x", sequence: 1, type: "tag.put", at: "", by: "alice", tag: "next", versions: ["1.0.0"] };
  expect(effectOf(record)).toEqual({ tag: "next" });
  for (const type of ["package.future", "constructor"])
    expect(effectOf({ ...record, type })).toEqual({ anything: true, tag: "next", added: ["1.0.0"] });
});
test("the event has the fields of the predecessor's log", () => {
  const { event } = given(wire)
    .when(put("next", "1.0.0", "x"))
    .then(applied());
  expect(event).toMatchObject({
    id: "x",
    name: "wire",
    sequence: 3,
    revision: 3,
    type: "tag.put",
    actor: { name: "alice" },
    data: { name: "wire", tag: "next", version: "1.0.0", "dist-tags": { latest: "2.0.0", next: "1.0.0" } },
  });
});
test("the event of a publish has the fields of the manifest that the predecessor's log had", () => {
  const { event } = given([])
    .when(publishing({ license: "MIT", custom: 1 }))
    .then(applied());
  expect(event.data).toEqual({
    name: "wire",
    version: "1.0.0",
    "dist-tags": { latest: "1.0.0" },
    description: "wire 1.0.0",
    license: "MIT",
  });
});
test("an event that would not fit a message is cut to its key fields", () => {
  const { event } = given([])
    .when(publishing({ keywords: ["x".repeat(30_000)] }))
    .then(applied());
  expect(event.data).toEqual({ name: "wire", version: "1.0.0", truncated: true });
});
