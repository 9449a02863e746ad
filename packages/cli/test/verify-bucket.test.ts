import { createHash } from "node:crypto";
import { DEFAULT_RIGHTS, EXPIRING, hashToken, historyDetailKey, historyKey, type ObjectStore } from "@codebox/core";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkDocument } from "../src/verify/document.ts";
import { CODES } from "../src/verify/finding.ts";
import { EXPIRY, known, verifyFixture, type VerifyFixture } from "./verify-fixture.ts";

let findings: VerifyFixture["findings"];
let published: VerifyFixture["published"];
let embedded: VerifyFixture["embedded"];
beforeEach(async () => {
  ({ findings, published, embedded } = await verifyFixture());
});
afterEach(() => embedded.close());

describe("the history in the store", () => {
  const put = (key: string, value: unknown) => embedded.store.put(key, Buffer.from(JSON.stringify(value)));
  const segment = (name: string, ...sequences: number[]) => ({
    schema: 1,
    name,
    records: sequences.map((sequence) => ({ id: `c${sequence}`, sequence })),
  });
  const detail = { tags: { next: { to: "1.0.0" } } };
  const sha256 = createHash("sha256").update(JSON.stringify(detail)).digest("hex");

  test("that is as it was written is no finding", async () => {
    await put(historyKey("@acme/wire", 129), segment("@acme/wire", 129, 130, 130, 256));
    await put(historyDetailKey("@acme/wire", sha256), detail);
    expect((await findings({ deep: true })).reported).toEqual([]);
  });
  test.each<[string, string, unknown]>([
    ["of another package", historyKey("wire", 1), segment("other", 1)],
    ["with a record of another object", historyKey("wire", 1), segment("wire", 1, 129)],
    ["out of order", historyKey("wire", 1), segment("wire", 2, 1)],
    ["that is something else", historyKey("wire", 1), []],
    ["with an altered detail", historyDetailKey("wire", sha256), {}],
    ["under a key that is none", "_codebox/history/wire/x.json", {}],
  ])("%s is found with --deep", async (_, key, value) => {
    await put(key, value);
    expect((await findings({ deep: true })).reported).toEqual([`error history-damaged ${key}`]);
    expect((await findings()).reported).toEqual([]);
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
    "%s, when S3 refuses it: a finding, and the run continues",
    async (key) => {
      await published("wire", "1.0.0");
      await published("zwire", "1.0.0");
      await embedded.store.delete("zwire/1.0.0.tgz");
      expect((await findings({ deep: true, store: refusing(key, "AccessDenied") })).reported.toSorted()).toEqual([
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
    const document = fc.record(
      {
        name: fc.jsonValue(),
        "dist-tags": fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.jsonValue())),
        versions: fc.oneof(
          fc.jsonValue(),
          fc.dictionary(fc.constantFrom("1.0.0", "x", "__proto__"), fc.oneof(fc.jsonValue(), manifest)),
        ),
        time: fc.jsonValue(),
        _codebox: fc.oneof(fc.jsonValue(), state),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), document), (value) => {
        const { findings } = checkDocument("wire", Buffer.from(JSON.stringify(value)));
        for (const { fix } of findings) expect(fix).not.toBe("");
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
    expect((await findings()).reported).toEqual([]);
  });
  test("a token under another hash than its own lets the wrong one in", async () => {
    await putToken("0".repeat(64), record);
    expect((await findings()).reported).toEqual([`error token-hash _codebox/tokens/${"0".repeat(64)}`]);
  });
  test("a token's record that is none", async () => {
    await putToken(hash, { hash });
    expect((await findings()).reported).toEqual([`error token-damaged _codebox/tokens/${hash}`]);
  });
  test("one half of a token without the other", async () => {
    await putToken(hash, record);
    await embedded.store.put(`_codebox/tokens/users/bob/${"1".repeat(64)}`, new Uint8Array());
    expect((await findings()).reported.toSorted()).toEqual([
      `warning token-leftover _codebox/tokens/${hash}`,
      `warning token-leftover _codebox/tokens/users/bob/${"1".repeat(64)}`,
    ]);
  });
  test("rights that are damaged are an error, and good ones are not", async () => {
    await embedded.store.put("_codebox/access/rights.json", Buffer.from(JSON.stringify(DEFAULT_RIGHTS)));
    expect((await findings()).reported).toEqual([]);
    await embedded.store.put("_codebox/access/rights.json", Buffer.from("{}"));
    expect((await findings()).reported).toEqual(["error rights-damaged _codebox/access/rights.json"]);
  });
  test.each(EXPIRING.map(({ prefix, days }) => [`${prefix}x`, days] as const))(
    "%s is a finding once it outlived its %i days, and not before",
    async (key, days) => {
      await embedded.store.put(key, Buffer.from("{}"));
      expect((await findings({ daysLater: days })).reported).toEqual([]);
      expect((await findings({ daysLater: days + 4 })).reported).toEqual([`warning object-expired ${key}`]);
    },
  );
  test("a message whose bytes are not those of its name", async () => {
    const key = `_codebox/messages/${"0".repeat(64)}`;
    await embedded.store.put(key, Buffer.from("{}"));
    expect((await findings({ deep: true })).reported).toEqual([`error object-digest ${key}`]);
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
        expiry: known({ ...EXPIRY, "_codebox/staging/": 7 }),
      },
    ],
    [
      "warning bucket-lifecycle",
      {
        expiry: known(Object.fromEntries(Object.entries(EXPIRY).filter(([prefix]) => prefix !== "_codebox/upstream/"))),
      },
    ],
  ])("%s", async (wanted, bucket) => {
    expect((await findings({ bucket })).reported).toEqual([`${wanted} acme`]);
  });
  test("an object that is not encrypted is an error, one that is encrypted otherwise a warning", async () => {
    await published("wire", "1.0.0");
    const algorithm = (key: string) => (key.endsWith(".tgz") ? undefined : "AES256");
    expect((await findings({ algorithm })).reported).toEqual(["error object-encryption wire/1.0.0.tgz"]);
    const kmsKey = "arn:aws:kms:eu-central-1:1:key/k";
    expect((await findings({ algorithm, kmsKey })).reported).toEqual([
      "error object-encryption wire/1.0.0.tgz",
      "warning object-encryption wire/index.json",
    ]);
  });
});

test("every finding has a code of the closed set, and says how to fix it", async () => {
  await embedded.store.put("x", Buffer.from("x"));
  const { found } = await findings({ bucket: { publicAccessBlocked: known(false) } });
  for (const finding of found) {
    expect(CODES).toContain(finding["code"]);
    expect(String(finding["fix"]).length).toBeGreaterThan(10);
  }
});
