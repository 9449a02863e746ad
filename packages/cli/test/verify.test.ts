import type { ObjectStore } from "@codebox/core";
import { changeOf, makeTarball, tagPut } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { smallPages } from "./support.ts";
import { verifyFixture, type Json, type VerifyFixture } from "./verify-fixture.ts";

let findings: VerifyFixture["findings"];
let published: VerifyFixture["published"];
let edit: VerifyFixture["edit"];
let embedded: VerifyFixture["embedded"];
beforeEach(async () => {
  ({ findings, published, edit, embedded } = await verifyFixture());
});
afterEach(() => embedded.close());

describe("a bucket that real changes made", () => {
  test("has no findings: publishes, tags, an unpublish, a whole package gone, tokens", async () => {
    const wire = await published("wire", "1.0.0", "1.1.0", "2.0.0-rc.1");
    await wire("wire", [changeOf("unpublish.versions", "wire", { versions: ["1.1.0"] })]);
    const gone = await published("@acme/gone", "1.0.0");
    await gone("@acme/gone", [changeOf("unpublish.all", "@acme/gone", {})]);
    for (let n = 0; n < 300; n++) await wire("wire", [tagPut("wire", "busy", "1.0.0")]);
    const { reported, summary, code } = await findings({ deep: true, store: smallPages(embedded.store, 2) });
    expect(reported).toEqual([]);
    expect(summary).toMatchObject({ packages: 2, errors: 0, warnings: 0 });
    expect(code).toBe(0);
  });
});

describe("each broken rule of a package is one finding", () => {
  const version = (document: Json) => (document["versions"] as Record<string, Json>)["1.0.0"]!;
  const state = (document: Json) =>
    document["_codebox"] as { revision: number; sequence: number; applied: Json[]; outbox: Json[] };
  const CASES: readonly (readonly [string, string, (document: Json) => unknown])[] = [
    [
      "error document-name",
      "another name than its key",
      (d) => {
        d["name"] = "other";
      },
    ],
    [
      "error document-name",
      "no name",
      (d) => {
        delete d["name"];
      },
    ],
    [
      "error document-field",
      "tags that are no object",
      (d) => {
        d["time"] = [];
      },
    ],
    [
      "error tag-dangling",
      "a tag of a version that is not there",
      (d) => {
        (d["dist-tags"] as Json)["next"] = "9.9.9";
      },
    ],
    [
      "warning tag-illegal",
      "a tag that is a range",
      (d) => {
        (d["dist-tags"] as Json)["1.x"] = "1.0.0";
      },
    ],
    [
      "error latest-missing",
      "no latest",
      (d) => {
        d["dist-tags"] = { next: "1.0.0" };
      },
    ],
    [
      "error version-manifest",
      "a manifest of another version",
      (d) => {
        version(d)["version"] = "2.0.0";
      },
    ],
    [
      "error version-digest",
      "neither integrity nor shasum",
      (d) => {
        version(d)["dist"] = {};
      },
    ],
    [
      "error version-digest",
      "an integrity that is none",
      (d) => {
        (version(d)["dist"] as Json)["integrity"] = "none";
      },
    ],
    [
      "warning version-integrity",
      "a shasum only",
      (d) => {
        delete (version(d)["dist"] as Json)["integrity"];
      },
    ],
    [
      "error state-malformed",
      "a record of another schema",
      (d) => {
        d["_codebox"] = { schema: 2 };
      },
    ],
    [
      "error state-revision",
      "a revision below its sequence",
      (d) => {
        state(d).revision = 1;
        state(d).outbox = [];
      },
    ],
    [
      "error state-ring",
      "a change twice in the ring",
      (d) => {
        state(d).applied[1]!["id"] = state(d).applied[0]!["id"];
        state(d).outbox = [];
      },
    ],
    [
      "error state-ring",
      "a gap in the ring",
      (d) => {
        state(d).applied[0]!["sequence"] = 7;
        state(d).outbox = [];
      },
    ],
    [
      "error state-ring",
      "a ring that is behind",
      (d) => {
        state(d).applied.pop();
      },
    ],
    [
      "error state-outbox",
      "an outbox that is behind",
      (d) => {
        state(d).outbox = [{ ...state(d).outbox[0], sequence: 1, revision: 1 }];
      },
    ],
    [
      "error state-outbox",
      "another package's event",
      (d) => {
        state(d).outbox.at(-1)!["name"] = "other";
      },
    ],
    [
      "error state-outbox",
      "an event whose revision does not fit",
      (d) => {
        state(d).outbox.at(-1)!["revision"] = 77;
      },
    ],
    [
      "error state-outbox",
      "an event under another sequence than its change",
      (d) => {
        state(d).outbox = [{ ...state(d).outbox.at(-1), id: state(d).applied[0]!["id"] }];
      },
    ],
    [
      "error state-ring",
      "a ring that forgot",
      (d) => {
        state(d).applied.shift();
        state(d).outbox = [];
      },
    ],
    [
      "error state-ring",
      "a ring above its limit",
      (d) => {
        const record = state(d).applied[0]!;
        Object.assign(state(d), {
          sequence: 300,
          revision: 300,
          outbox: [],
          applied: Array.from({ length: 257 }, (_, n) => ({ ...record, id: `c${n}`, sequence: 44 + n })),
        });
      },
    ],
  ];
  test.each(CASES)("%s: %s", async (wanted, _, change) => {
    await published("wire", "1.0.0");
    await edit("wire", change);
    const { reported, code } = await findings();
    expect(new Set(reported)).toEqual(new Set([`${wanted} wire/index.json`]));
    expect(code).toBe(wanted.startsWith("error") ? 1 : 0);
  });
  test("a version that is no semver", async () => {
    await published("wire", "1.0.0");
    await edit(
      "wire",
      (d) => void ((d["versions"] as Json)["one"] = { name: "wire", version: "one", dist: { shasum: "x" } }),
    );
    expect((await findings()).reported).toEqual(["error version-invalid wire/index.json"]);
  });
  test("a document that is not JSON: one finding, and nothing about its tarballs", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/index.json", Buffer.from("{"));
    expect((await findings()).reported).toEqual(["error document-damaged wire/index.json"]);
  });
  test("a missing tarball", async () => {
    await published("wire", "1.0.0");
    await embedded.store.delete("wire/1.0.0.tgz");
    expect((await findings()).reported).toEqual(["error tarball-missing wire/1.0.0.tgz"]);
  });
  test("another tarball than the version says, when it looks deeper", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/1.0.0.tgz", makeTarball({ name: "evil", version: "1.0.0" }).bytes);
    expect((await findings()).reported).toEqual([]);
    // Integrity and shasum.
    expect((await findings({ deep: true })).reported).toEqual(Array(2).fill("error tarball-digest wire/1.0.0.tgz"));
  });
  test("a tarball that was published since the listing is not missing", async () => {
    await published("wire", "1.0.0");
    const earlier: ObjectStore = {
      ...embedded.store,
      list: async (prefix, cursor) => {
        const page = await embedded.store.list(prefix, cursor);
        return { ...page, objects: page.objects.filter(({ key }) => key !== "wire/1.0.0.tgz") };
      },
    };
    expect((await findings({ store: earlier })).reported).toEqual([]);
  });
  test("an empty tarball", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/1.0.0.tgz", new Uint8Array());
    expect((await findings()).reported).toEqual(["error tarball-size wire/1.0.0.tgz"]);
  });
  test("a tarball that no version names, unless its publish may be under way", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/1.1.0.tgz", makeTarball({ name: "wire", version: "1.1.0" }).bytes);
    expect((await findings()).reported).toEqual(["warning tarball-leftover wire/1.1.0.tgz"]);
    expect((await findings({ daysLater: 0 })).reported).toEqual([]);
  });
  test("tarballs without a document", async () => {
    await embedded.store.put("wire/1.1.0.tgz", makeTarball({ name: "wire", version: "1.1.0" }).bytes);
    expect((await findings()).reported).toEqual(["error document-missing wire/index.json"]);
  });
  test("an object that is nobody's", async () => {
    await published("wire", "1.0.0");
    for (const key of ["wire/notes.txt", "logs/2018.gz", "top", "_codebox/other/x"])
      await embedded.store.put(key, Buffer.from("x"));
    expect((await findings()).reported.toSorted()).toEqual(
      ["_codebox/other/x", "logs/2018.gz", "top", "wire/notes.txt"].map((key) => `warning object-unknown ${key}`),
    );
  });
});
