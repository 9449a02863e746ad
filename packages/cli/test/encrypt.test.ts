import type { BucketMaintenance, ObjectEncryption } from "@codebox/aws";
import type { ObjectInfo } from "@codebox/core";
import { describe, expect, test } from "vitest";
import { encrypt } from "../src/commands/encrypt.ts";
import { checkKmsKey, encryptionProblem } from "../src/encryption.ts";
import { UsageError } from "../src/errors.ts";
import { memoryCheckpoint, never, pipe } from "./support.ts";

const KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234";

describe("what an object's encryption lacks", () => {
  test.each<[ObjectEncryption, string | undefined, RegExp | undefined]>([
    [{ algorithm: undefined }, undefined, /not encrypted/],
    [{ algorithm: "AES256" }, undefined, undefined],
    [{ algorithm: "AES256" }, KEY, /AES256, not with aws:kms/],
    [{ algorithm: "aws:kms", kmsKey: KEY }, KEY, undefined],
    [{ algorithm: "aws:kms", kmsKey: KEY }, "1234", undefined],
    [{ algorithm: "aws:kms", kmsKey: KEY }, undefined, /aws:kms, not with AES256/],
    [{ algorithm: "aws:kms", kmsKey: `${KEY}5` }, KEY, /the key/],
  ])("%j under the key %s: %s", (found, kmsKey, problem) => {
    const problemFound = encryptionProblem(found, kmsKey);
    if (problem) expect(problemFound).toMatch(problem);
    else expect(problemFound).toBeUndefined();
  });
  test("an alias names no key for good, and is refused", () => {
    expect(() => checkKmsKey("arn:aws:kms:eu-central-1:1:alias/packages")).toThrow(UsageError);
    expect(() => checkKmsKey("alias/packages")).toThrow(/describe-key/);
    expect(() => checkKmsKey(KEY)).not.toThrow();
  });
});

describe("codebox encrypt", () => {
  const info = (key: string, size = 1, etag = '"1"'): ObjectInfo => ({ key, etag, size, modified: new Date(0) });
  type Reencrypt = BucketMaintenance["reencrypt"];
  async function run(
    objects: readonly ObjectInfo[],
    reencrypt: Reencrypt,
    plain: (key: string) => ObjectEncryption | undefined,
  ) {
    const output = pipe();
    const code = await encrypt(
      {
        store: { list: async () => ({ objects }), head: async (key) => info(key, 1, '"2"') },
        maintenance: { encryption: async (key) => plain(key), reencrypt },
        clock: { now: () => new Date(0), sleep: async () => {} },
        output,
        checkpoint: memoryCheckpoint(),
        signal: never,
      },
      { bucket: "acme", dryRun: false, concurrency: 1 },
    );
    return { code, lines: output.lines, summary: output.lines.at(-1) };
  }
  const unencrypted = () => ({ algorithm: undefined });

  test("names the ETag that it saw, and the new one when the object changed meanwhile", async () => {
    const etags: string[] = [];
    const reencrypt: Reencrypt = async (_, etag) => {
      etags.push(etag);
      return etags.length === 1 ? { ok: false, reason: "mismatch" } : { ok: true, etag: '"3"' };
    };
    expect(await run([info("a")], reencrypt, unencrypted)).toMatchObject({ code: 0, summary: { encrypted: 1 } });
    expect(etags).toEqual(['"1"', '"2"']);
  });
  test("a tarball is copied, whatever its size; a document is put back, unless it is too large for that", async () => {
    const ways: string[] = [];
    const reencrypt: Reencrypt = async (key, _, how) => (ways.push(`${key} ${how}`), { ok: true, etag: "" });
    await run(
      [info("a/1.0.0.tgz"), info("a/index.json"), info("b/index.json", 64 * 1024 ** 2)],
      reencrypt,
      unencrypted,
    );
    expect(ways).toEqual(["a/1.0.0.tgz copy", "a/index.json rewrite", "b/index.json copy"]);
  });
  test("leaves what is right alone, and what is gone", async () => {
    const reencrypt: Reencrypt = async () => expect.fail("not to be written");
    const plain = (key: string) => (key === "gone" ? undefined : { algorithm: "AES256" });
    expect(await run([info("a"), info("gone")], reencrypt, plain)).toMatchObject({
      code: 0,
      summary: { objects: 1, encrypted: 0 },
    });
  });
  test("an object above S3's limit on a copy is reported with the command that does it, and the run continues", async () => {
    const reencrypt: Reencrypt = async (key) => (key === "big" ? expect.fail("too large") : { ok: true, etag: "" });
    const { code, lines, summary } = await run([info("big", 6 * 1024 ** 3), info("a")], reencrypt, unencrypted);
    expect(code).toBe(1);
    expect(lines[0]).toMatchObject({
      key: "big",
      problem: expect.stringContaining("6.0 GiB") as string,
      fix: expect.stringContaining("aws s3 cp") as string,
    });
    expect(summary).toMatchObject({ encrypted: 1, failed: 1 });
  });
  test("gives up on an object that changes all the time, says so, and continues", async () => {
    const reencrypt: Reencrypt = async (key) =>
      key === "a" ? { ok: false, reason: "contended" } : { ok: true, etag: "" };
    expect(await run([info("a"), info("b")], reencrypt, unencrypted)).toMatchObject({
      code: 1,
      summary: { encrypted: 1, failed: 1 },
    });
  });
});
