import { HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { createS3ObjectStore, createSignUpload } from "@codebox/aws";
import { StoreUnavailable } from "@codebox/core";
import { describe, expect, test } from "vitest";
import { clients, makeBucket } from "./support/cloud.ts";
import { answerWith, recordRequests } from "./support/wire.ts";

async function open(kmsKey?: string) {
  const { s3 } = clients();
  const bucket = await makeBucket(s3);
  const settings = kmsKey === undefined ? { bucket } : { bucket, kmsKey };
  return {
    s3,
    bucket,
    settings,
    store: createS3ObjectStore(s3, settings),
    async [Symbol.asyncDispose]() {
      s3.destroy();
    },
  };
}

describe("what the S3 adapter says on the wire", () => {
  test.each([
    [{ ifNoneMatch: "*" } as const, "if-none-match", "*"],
    [{ ifMatch: '"abc"' }, "if-match", '"abc"'],
  ])("a copy carries %o to its destination", async (condition, header, value) => {
    await using fixture = await open();
    await fixture.store.put("from", Buffer.from("1"));
    const requests = recordRequests(fixture.s3);
    await fixture.store.copy("from", "to", condition);
    expect(requests).toMatchObject([
      { command: "CopyObjectCommand", headers: { [header]: value, "x-amz-server-side-encryption": "AES256" } },
    ]);
  });
  test.each([
    [412, "PreconditionFailed", { ok: false, reason: "mismatch" }],
    [409, "ConditionalRequestConflict", { ok: false, reason: "contended" }],
    [404, "NoSuchKey", { ok: false, reason: "missing" }],
  ])("%i %s is %o for put and copy", async (status, code, expected) => {
    await using fixture = await open();
    answerWith(fixture.s3, { status, code });
    expect(await fixture.store.put("a", Buffer.from("1"), { condition: { ifMatch: '"x"' } })).toEqual(expected);
    expect(await fixture.store.copy("a", "b", { ifMatch: '"x"' })).toEqual(expected);
  });
  test.each([
    [412, "PreconditionFailed", { ok: false, reason: "mismatch" }],
    [409, "ConditionalRequestConflict", { ok: false, reason: "contended" }],
    [404, "NoSuchKey", { ok: false, reason: "mismatch" }],
  ])("%i %s is %o for delete", async (status, code, expected) => {
    await using fixture = await open();
    answerWith(fixture.s3, { status, code });
    expect(await fixture.store.delete("a", { ifMatch: '"x"' })).toEqual(expected);
  });
  test.each([
    [503, "SlowDown"],
    [500, "InternalError"],
    [429, "TooManyRequestsException"],
  ])("%i %s is StoreUnavailable, after three attempts", async (status, code) => {
    await using fixture = await open();
    const requests = recordRequests(fixture.s3);
    answerWith(fixture.s3, { status, code });
    await expect(fixture.store.put("a", Buffer.from("1"))).rejects.toBeInstanceOf(StoreUnavailable);
    expect(requests.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });
  test.each([
    [403, "AccessDenied"],
    [404, "NoSuchBucket"],
  ])("%i %s surfaces as it is: no other try cures it", async (status, code) => {
    await using fixture = await open();
    answerWith(fixture.s3, { status, code });
    const failure = fixture.store.get("a");
    if (status === 403) await expect(failure).rejects.toMatchObject({ name: code });
    await expect(fixture.store.put("a", Buffer.from("1"), { condition: { ifMatch: "x" } })).rejects.toMatchObject({
      name: code,
    });
  });
  test("a connection that is refused is StoreUnavailable", async () => {
    const { createS3Client } = await import("@codebox/aws");
    const credentials = { accessKeyId: "a", secretAccessKey: "b" };
    const s3 = createS3Client({ endpoint: "http://127.0.0.1:1", region: "eu-central-1", credentials });
    await expect(createS3ObjectStore(s3, { bucket: "b" }).get("a")).rejects.toBeInstanceOf(StoreUnavailable);
  });
  test("every write asks for the bucket's encryption", async () => {
    await using fixture = await open("arn:aws:kms:eu-central-1:123456789012:key/k");
    await fixture.store.put("a", Buffer.from("1"));
    await fixture.store.copy("a", "b");
    for (const Key of ["a", "b"])
      expect(await fixture.s3.send(new HeadObjectCommand({ Bucket: fixture.bucket, Key }))).toMatchObject({
        ServerSideEncryption: "aws:kms",
      });
  });
});

describe("large streams", () => {
  const PART = 8 * 1024 * 1024;
  async function* stream(size: number, fail = false): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size; at += 64 * 1024) yield Buffer.alloc(Math.min(64 * 1024, size - at), "x");
    if (fail) throw new Error("the client went away");
  }
  test("a stream of several parts is stored whole, in bounded memory", async () => {
    await using fixture = await open();
    const requests = recordRequests(fixture.s3);
    expect(await fixture.store.put("big", stream(2 * PART + 5))).toMatchObject({ ok: true });
    expect((await fixture.store.head("big"))?.size).toBe(2 * PART + 5);
    expect(requests.filter(({ command }) => command === "UploadPartCommand")).toHaveLength(3);
  });
  test("one that breaks off leaves neither object nor parts", async () => {
    await using fixture = await open();
    await expect(fixture.store.put("big", stream(PART + 5, true))).rejects.toThrow("the client went away");
    expect(await fixture.store.head("big")).toBeUndefined();
    const uploads = await fixture.s3.send(new ListMultipartUploadsCommand({ Bucket: fixture.bucket }));
    expect(uploads.Uploads ?? []).toEqual([]);
  });
  test("one with If-None-Match does not replace", async () => {
    await using fixture = await open();
    await fixture.store.put("big", Buffer.from("first"));
    const second = await fixture.store.put("big", stream(PART + 5), { condition: { ifNoneMatch: "*" } });
    expect(second).toEqual({ ok: false, reason: "mismatch" });
    expect((await fixture.store.head("big"))?.size).toBe(5);
  });
});

describe("signed URLs", () => {
  test("anybody may fetch an object by its signed URL", async () => {
    await using fixture = await open();
    await fixture.store.put("a/1.0.0.tgz", Buffer.from("tarball"));
    const url = await fixture.store.signedUrl("a/1.0.0.tgz", 60);
    expect(await (await fetch(url ?? "")).text()).toBe("tarball");
  });
  test("an upload with the signed headers is stored, encrypted as the bucket demands", async () => {
    await using fixture = await open();
    const { url, method, headers } = await createSignUpload(fixture.s3, fixture.settings)("_codebox/staging/x", 7, 60);
    expect((await fetch(url, { method, headers, body: "tarball" })).status).toBe(200);
    const signed = new URL(url).searchParams;
    expect(signed.get("X-Amz-SignedHeaders")).toBe("content-length;host;x-amz-server-side-encryption");
    expect([...signed.keys()].filter((name) => /checksum-crc|checksum-sha/i.test(name))).toEqual([]);
    expect((await fixture.store.head("_codebox/staging/x"))?.size).toBe(7);
    const sent = new PutObjectCommand({ Bucket: fixture.bucket, Key: "_codebox/staging/x" });
    const head = await fixture.s3.send(new HeadObjectCommand(sent.input as { Bucket: string; Key: string }));
    expect(head.ServerSideEncryption).toBe("AES256");
  });
});
