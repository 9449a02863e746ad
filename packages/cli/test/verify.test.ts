import type { BucketMaintenance, BucketSettings } from "@codebox/aws";
import { createConsumer, createPackumentReader, hashToken, type ObjectStore } from "@codebox/core";
import { openEmbedded, systemClock, type Embedded } from "@codebox/embedded";
import { changeOf, fail, makeTarball, publishOf, stage, tagPut } from "@codebox/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { verify } from "../src/commands/verify.ts";
import { checkDocument } from "../src/verify/document.ts";
import { CODES } from "../src/verify/finding.ts";
import { memoryCheckpoint, never, pipe, smallPages } from "./support.ts";

let embedded: Embedded;
beforeEach(async () => {
  embedded = await openEmbedded({ directory: ":memory:", onFailure: fail, clock: systemClock });
});
afterEach(() => embedded.close());

type Json = Record<string, unknown>;
const DAY_MS = 86_400_000;
const known = <T>(value: T) => ({ known: true as const, value });
const GOOD: BucketSettings = {
  publicAccessBlocked: known(true),
  policyIsPublic: known(false),
  encryption: known({ algorithm: "AES256" }),
  expiry: known({
    "_codebox/staging/": 30,
    "_codebox/messages/": 30,
    "_codebox/outcomes/": 14,
    "_codebox/upstream/": 90,
  }),
};
const maintenance = (
  settings: Partial<BucketSettings> = {},
  algorithm: (key: string) => string | undefined = () => "AES256",
): Pick<BucketMaintenance, "encryption" | "settings"> => ({
  settings: async () => ({ ...GOOD, ...settings }),
  encryption: async (key) => ({ algorithm: algorithm(key) }),
});

type Options = { daysLater?: number; deep?: boolean; store?: ObjectStore; bucket?: Partial<BucketSettings>; algorithm?: (key: string) => string | undefined; kmsKey?: string }; // prettier-ignore
async function findings(options: Options = {}) {
  const { daysLater = 1, deep = false, store = embedded.store, bucket, algorithm, kmsKey } = options;
  const output = pipe();
  const clock = { now: () => new Date(Date.now() + daysLater * DAY_MS), sleep: async () => {} };
  const ports = {
    store,
    maintenance: maintenance(bucket, algorithm),
    clock,
    output,
    checkpoint: memoryCheckpoint(),
    signal: never,
  };
  const code = await verify(ports, {
    bucket: "acme",
    deep,
    concurrency: 3,
    ...(kmsKey === undefined ? {} : { kmsKey }),
  });
  const found = output.lines.filter(({ summary }) => summary === undefined);
  return {
    code,
    found,
    told: found.map(({ severity, code, key }) => `${String(severity)} ${String(code)} ${String(key)}`),
    summary: output.lines.at(-1),
  };
}

/** A package that came about by real changes. */
async function published(name: string, ...versions: string[]) {
  const consumer = createConsumer({
    store: embedded.store, events: embedded.events, outcomes: embedded.outcomes,
    reader: createPackumentReader(embedded.store), clock: systemClock,
  }); // prettier-ignore
  for (const version of versions) {
    const change = publishOf(name, version);
    await stage(embedded.store, change);
    await consumer(name, [change, tagPut(name, "next", version)]);
  }
  return consumer;
}
async function edit(name: string, change: (document: Json) => unknown) {
  const found = await embedded.store.get(`${name}/index.json`);
  const document = found?.modifiedSince ? (JSON.parse(Buffer.from(found.bytes).toString()) as Json) : {};
  const changed = change(document) ?? document;
  await embedded.store.put(`${name}/index.json`, Buffer.from(JSON.stringify(changed)));
}

describe("a bucket that real changes made", () => {
  test("has no findings: publishes, tags, an unpublish, a whole package gone, tokens", async () => {
    const wire = await published("wire", "1.0.0", "1.1.0", "2.0.0-rc.1");
    await wire("wire", [changeOf("unpublish.versions", "wire", { versions: ["1.1.0"] })]);
    const gone = await published("@acme/gone", "1.0.0");
    await gone("@acme/gone", [changeOf("unpublish.all", "@acme/gone", {})]);
    for (let n = 0; n < 300; n++) await wire("wire", [tagPut("wire", "busy", "1.0.0")]);
    const { told, summary, code } = await findings({ deep: true, store: smallPages(embedded.store, 2) });
    expect(told).toEqual([]);
    expect(summary).toMatchObject({ packages: 2, errors: 0, warnings: 0 });
    expect(code).toBe(0);
  });
});

describe("each broken rule of a package is one finding", () => {
  const version = (document: Json) => (document["versions"] as Record<string, Json>)["1.0.0"]!;
  const state = (document: Json) =>
    document["_codebox"] as { revision: number; sequence: number; applied: Json[]; outbox: Json[] };
  const CASES: readonly (readonly [string, string, (document: Json) => unknown])[] = [
    ["error document-name", "another name than its key", (d) => { d["name"] = "other"; }],
    ["error document-name", "no name", (d) => { delete d["name"]; }],
    ["error document-field", "tags that are no object", (d) => { d["time"] = []; }],
    ["error tag-dangling", "a tag of a version that is not there", (d) => { (d["dist-tags"] as Json)["next"] = "9.9.9"; }],
    ["warning tag-illegal", "a tag that is a range", (d) => { (d["dist-tags"] as Json)["1.x"] = "1.0.0"; }],
    ["error latest-missing", "no latest", (d) => { d["dist-tags"] = { next: "1.0.0" }; }],
    ["error version-manifest", "a manifest of another version", (d) => { version(d)["version"] = "2.0.0"; }],
    ["error version-digest", "neither integrity nor shasum", (d) => { version(d)["dist"] = {}; }],
    ["error version-digest", "an integrity that is none", (d) => { (version(d)["dist"] as Json)["integrity"] = "none"; }],
    ["warning version-integrity", "a shasum only", (d) => { delete (version(d)["dist"] as Json)["integrity"]; }],
    ["error state-malformed", "a record of another schema", (d) => { d["_codebox"] = { schema: 2 }; }],
    ["error state-revision", "a revision below its sequence", (d) => { state(d).revision = 1; state(d).outbox = []; }],
    ["error state-ring", "a change twice in the ring", (d) => { state(d).applied[1]!["id"] = state(d).applied[0]!["id"]; state(d).outbox = []; }],
    ["error state-ring", "a gap in the ring", (d) => { state(d).applied[0]!["sequence"] = 7; state(d).outbox = []; }],
    ["error state-ring", "a ring that is behind", (d) => { state(d).applied.pop(); }],
    ["error state-outbox", "an outbox that is behind", (d) => { state(d).outbox = [{ ...state(d).outbox[0], sequence: 1, revision: 1 }]; }],
    ["error state-outbox", "another package's event", (d) => { state(d).outbox.at(-1)!["name"] = "other"; }],
    ["error state-outbox", "an event whose revision does not fit", (d) => { state(d).outbox.at(-1)!["revision"] = 77; }],
    ["error state-outbox", "an event under another sequence than its change", (d) => { state(d).outbox = [{ ...state(d).outbox.at(-1), id: state(d).applied[0]!["id"] }]; }],
    ["error state-ring", "a ring that forgot", (d) => { state(d).applied.shift(); state(d).outbox = []; }],
    ["error state-ring", "a ring above its limit", (d) => {
      const record = state(d).applied[0]!;
      Object.assign(state(d), { sequence: 300, revision: 300, outbox: [], applied: Array.from({ length: 257 }, (_, n) => ({ ...record, id: `c${n}`, sequence: 44 + n })) });
    }],
  ]; // prettier-ignore
  test.each(CASES)("%s: %s", async (wanted, _, change) => {
    await published("wire", "1.0.0");
    await edit("wire", change);
    const { told, code } = await findings();
    expect(new Set(told)).toEqual(new Set([`${wanted} wire/index.json`]));
    expect(code).toBe(wanted.startsWith("error") ? 1 : 0);
  });
  test("a version that is no semver", async () => {
    await published("wire", "1.0.0");
    await edit(
      "wire",
      (d) => void ((d["versions"] as Json)["one"] = { name: "wire", version: "one", dist: { shasum: "x" } }),
    );
    expect((await findings()).told).toEqual(["error version-invalid wire/index.json"]);
  });
  test("a document that is not JSON: one finding, and nothing about its tarballs", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/index.json", Buffer.from("{"));
    expect((await findings()).told).toEqual(["error document-damaged wire/index.json"]);
  });
  test("a missing tarball", async () => {
    await published("wire", "1.0.0");
    await embedded.store.delete("wire/1.0.0.tgz");
    expect((await findings()).told).toEqual(["error tarball-missing wire/1.0.0.tgz"]);
  });
  test("another tarball than the version says, when it looks deeper", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/1.0.0.tgz", makeTarball({ name: "evil", version: "1.0.0" }).bytes);
    expect((await findings()).told).toEqual([]);
    // Integrity and shasum.
    expect((await findings({ deep: true })).told).toEqual(Array(2).fill("error tarball-digest wire/1.0.0.tgz"));
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
    expect((await findings({ store: earlier })).told).toEqual([]);
  });
  test("an empty tarball", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/1.0.0.tgz", new Uint8Array());
    expect((await findings()).told).toEqual(["error tarball-size wire/1.0.0.tgz"]);
  });
  test("a tarball that no version names, unless its publish may be under way", async () => {
    await published("wire", "1.0.0");
    await embedded.store.put("wire/1.1.0.tgz", makeTarball({ name: "wire", version: "1.1.0" }).bytes);
    expect((await findings()).told).toEqual(["warning tarball-leftover wire/1.1.0.tgz"]);
    expect((await findings({ daysLater: 0 })).told).toEqual([]);
  });
  test("tarballs without a document", async () => {
    await embedded.store.put("wire/1.1.0.tgz", makeTarball({ name: "wire", version: "1.1.0" }).bytes);
    expect((await findings()).told).toEqual(["error document-missing wire/index.json"]);
  });
  test("an object that is nobody's", async () => {
    await published("wire", "1.0.0");
    for (const key of ["wire/notes.txt", "logs/2018.gz", "top", "_codebox/other/x"])
      await embedded.store.put(key, Buffer.from("x"));
    expect((await findings()).told.toSorted()).toEqual(
      ["_codebox/other/x", "logs/2018.gz", "top", "wire/notes.txt"].map((key) => `warning object-unknown ${key}`),
    );
  });
});

describe("what can't be read", () => {
  const refusing = (key: string, name: string): ObjectStore => {
    const refuse = async (asked: string) => {
      if (asked === key) throw Object.assign(new Error("no"), { name });
    };
    return {
      ...embedded.store,
      get: async (asked, options) => (await refuse(asked), embedded.store.get(asked, options)),
      open: async (asked, range) => (await refuse(asked), embedded.store.open(asked, range)),
    };
  };
  test.each(["wire/index.json", "wire/1.0.0.tgz"])(
    "%s, when S3 refuses it: a finding, and the run goes on",
    async (key) => {
      await published("wire", "1.0.0");
      await published("zwire", "1.0.0");
      await embedded.store.delete("zwire/1.0.0.tgz");
      expect((await findings({ deep: true, store: refusing(key, "AccessDenied") })).told.toSorted()).toEqual([
        `error object-unreadable ${key}`,
        "error tarball-missing zwire/1.0.0.tgz",
      ]);
    },
  );
  test("credentials that ended are no finding: they stop the run", async () => {
    await published("wire", "1.0.0");
    await expect(findings({ store: refusing("wire/index.json", "ExpiredToken") })).rejects.toMatchObject({
      name: "ExpiredToken",
    });
  });
  test("no document, whatever is in it, stops the run", async () => {
    const manifest = fc.record({
      name: fc.jsonValue(),
      version: fc.jsonValue(),
      dist: fc.oneof(fc.jsonValue(), fc.record({ integrity: fc.jsonValue(), shasum: fc.jsonValue() })),
    });
    const state = fc.record({
      schema: fc.constant(1),
      revision: fc.jsonValue(),
      sequence: fc.nat(),
      applied: fc.array(fc.record({ id: fc.string(), sequence: fc.nat() })),
      outbox: fc.jsonValue(),
    });
    const document = fc.record({
      name: fc.jsonValue(), "dist-tags": fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.jsonValue())),
      versions: fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom("1.0.0", "x", "__proto__"), fc.oneof(fc.jsonValue(), manifest))),
      time: fc.jsonValue(), _codebox: fc.oneof(fc.jsonValue(), state),
    }, { requiredKeys: [] }); // prettier-ignore
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), document), (value) => {
        const { findings } = checkDocument("wire", Buffer.from(JSON.stringify(value)));
        for (const { mend } of findings) expect(mend).not.toBe("");
      }),
      { numRuns: 500 },
    );
  });
});

describe("codebox's own objects", () => {
  const hash = hashToken("cbx_secret");
  const record = { hash, user: "alice", readonly: false, label: "x", created: "2026-01-01T00:00:00.000Z" };
  const putToken = (key: string, value: unknown) =>
    embedded.store.put(`_codebox/tokens/${key}`, Buffer.from(JSON.stringify(value)));
  test("a good token has no findings", async () => {
    await putToken(hash, record);
    await embedded.store.put(`_codebox/tokens/users/alice/${hash}`, new Uint8Array());
    expect((await findings()).told).toEqual([]);
  });
  test("a token under another hash than its own lets the wrong one in", async () => {
    await putToken("0".repeat(64), record);
    expect((await findings()).told).toEqual([`error token-hash _codebox/tokens/${"0".repeat(64)}`]);
  });
  test("a token's record that is none", async () => {
    await putToken(hash, { hash });
    expect((await findings()).told).toEqual([`error token-damaged _codebox/tokens/${hash}`]);
  });
  test("one half of a token without the other", async () => {
    await putToken(hash, record);
    await embedded.store.put(`_codebox/tokens/users/bob/${"1".repeat(64)}`, new Uint8Array());
    expect((await findings()).told.toSorted()).toEqual([
      `warning token-leftover _codebox/tokens/${hash}`,
      `warning token-leftover _codebox/tokens/users/bob/${"1".repeat(64)}`,
    ]);
  });
  test.each([
    ["_codebox/staging/x", 30],
    ["_codebox/messages/x", 30],
    ["_codebox/outcomes/x", 14],
    ["_codebox/upstream/x", 90],
  ])("%s is a finding once it outlived its %i days, and not before", async (key, days) => {
    await embedded.store.put(key, Buffer.from("{}"));
    expect((await findings({ daysLater: days })).told).toEqual([]);
    expect((await findings({ daysLater: days + 4 })).told).toEqual([`warning object-expired ${key}`]);
  });
  test("a message whose bytes are not those of its name", async () => {
    const key = `_codebox/messages/${"0".repeat(64)}`;
    await embedded.store.put(key, Buffer.from("{}"));
    expect((await findings({ deep: true })).told).toEqual([`error object-digest ${key}`]);
  });
});

describe("the bucket itself", () => {
  test.each([
    ["error bucket-public-access", { publicAccessBlocked: known(false) }],
    ["error bucket-policy-public", { policyIsPublic: known(true) }],
    ["warning bucket-encryption", { encryption: known(undefined) }],
    ["warning bucket-setting-unknown", { policyIsPublic: { known: false as const, why: "AccessDenied" } }],
    [
      "error bucket-lifecycle",
      {
        expiry: known({
          "_codebox/staging/": 7,
          "_codebox/messages/": 30,
          "_codebox/outcomes/": 14,
          "_codebox/upstream/": 90,
        }),
      },
    ],
    [
      "warning bucket-lifecycle",
      { expiry: known({ "_codebox/staging/": 30, "_codebox/messages/": 30, "_codebox/outcomes/": 14 }) },
    ],
  ])("%s", async (wanted, bucket) => {
    expect((await findings({ bucket })).told).toEqual([`${wanted} acme`]);
  });
  test("an object that is not encrypted is an error, one that is encrypted otherwise a warning", async () => {
    await published("wire", "1.0.0");
    const algorithm = (key: string) => (key.endsWith(".tgz") ? undefined : "AES256");
    expect((await findings({ algorithm })).told).toEqual(["error object-encryption wire/1.0.0.tgz"]);
    const kmsKey = "arn:aws:kms:eu-central-1:1:key/k";
    expect((await findings({ algorithm, kmsKey })).told).toEqual([
      "error object-encryption wire/1.0.0.tgz",
      "warning object-encryption wire/index.json",
    ]);
  });
});

test("every finding has a code of the closed set, and says how to mend it", async () => {
  await embedded.store.put("x", Buffer.from("x"));
  const { found } = await findings({ bucket: { publicAccessBlocked: known(false) } });
  for (const finding of found) {
    expect(CODES).toContain(finding["code"]);
    expect(String(finding["mend"]).length).toBeGreaterThan(10);
  }
});
