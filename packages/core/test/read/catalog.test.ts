import { fail, openPolicy, publishOf, tagPut } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  apply,
  createCatalog,
  createPolicy,
  type AccessTarget,
  type Packument,
  type PackumentReader,
  type Policy,
  type UpstreamCache,
} from "../../src/index.ts";

const applied = (before: Packument | undefined, change: Parameters<typeof apply>[1]): Packument => {
  const result = apply(before, change);
  return result.kind === "applied" ? result.packument : expect.fail("the change was not applied");
};
const wire = applied(undefined, publishOf("wire", "1.0.0"));
const { schema, id, name, at, actor } = tagPut("wire", "x", "1.0.0");
const tombstone = applied(wire, { schema, id, name, at, actor, type: "unpublish.all" });

const readerOf = (packument: Packument | undefined): PackumentReader => ({
  read: async () => packument && { packument, etag: '"a"' },
  wrote: fail,
});
const upstream = { isOurs: (name: string) => name.startsWith("@acme/") } as UpstreamCache;
const alice = { kind: "user", name: "alice" } as const;
const find = (packument: Packument | undefined, name = "wire", more: { toWrite?: boolean; policy?: Policy } = {}) => {
  const { policy = openPolicy, ...options } = more;
  return createCatalog({ reader: readerOf(packument), policy, upstream }).find(name, alice, options);
};

describe("the catalogue", () => {
  test("a package that has versions is ours", async () => {
    expect(await find(wire)).toEqual({ kind: "ours", read: { packument: wire, etag: '"a"' } });
  });
  test("a name without a document may come from the upstream", async () => {
    expect(await find(undefined)).toEqual({ kind: "upstream", upstream });
  });
  test("a package that was unpublished completely is absent: its name stays ours", async () => {
    expect(await find(tombstone)).toEqual({ kind: "absent", tombstone: { packument: tombstone, etag: '"a"' } });
  });
  test("a name in a scope of ours never comes from the upstream", async () => {
    expect(await find(undefined, "@acme/wire")).toEqual({ kind: "absent", tombstone: undefined });
  });
  test("a caller who is about to write is not sent to the upstream", async () => {
    expect(await find(undefined, "wire", { toWrite: true })).toEqual({ kind: "absent", tombstone: undefined });
  });
  test("without an upstream a name without a document is absent", async () => {
    const catalog = createCatalog({ reader: readerOf(undefined), policy: openPolicy });
    expect(await catalog.find("wire", alice)).toEqual({ kind: "absent", tombstone: undefined });
  });
  test("a caller who may not read is refused, whether the package exists or not", async () => {
    const policy = createPolicy({ anonymousRead: false });
    for (const packument of [wire, tombstone, undefined]) {
      const catalog = createCatalog({ reader: readerOf(packument), policy, upstream });
      expect(await catalog.find("wire", ANONYMOUS)).toMatchObject({
        kind: "refused",
        refusal: { rule: "anonymous callers may do nothing" },
      });
    }
  });
  test("the policy decides with the package as it is stored", async () => {
    const asked: (AccessTarget | undefined)[] = [];
    const policy: Policy = {
      ...openPolicy,
      may(principal, action, target) {
        asked.push(target);
        return openPolicy.may(principal, action, target);
      },
    };
    await find(wire, "wire", { policy });
    expect(asked).toEqual([{ name: "wire", packument: wire }]);
  });
});
