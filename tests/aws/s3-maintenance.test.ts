import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { createS3Client, createS3Maintenance } from "@codebox/aws";
import { StoreUnavailable } from "@codebox/core";
import { beforeEach, describe, expect, test } from "vitest";
import { clients, makeBucket } from "./support/cloud.ts";
import { answerWith, beforeRequest, recordRequests } from "./support/wire.ts";

const { s3 } = clients();
let Bucket: string;
beforeEach(async () => {
  Bucket = await makeBucket(s3);
});
const maintenance = () => createS3Maintenance(s3, { bucket: Bucket });
const put = async (Key: string, Body = Key) => (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).ETag ?? "";

describe("encrypting an object", () => {
  test("reads how it is encrypted; nothing for an object that is not there", async () => {
    await put("a");
    expect(await maintenance().encryption("a")).toEqual({ algorithm: undefined });
    expect(await maintenance().encryption("b")).toBeUndefined();
  });
  test.each(["rewrite", "copy"] as const)("%s writes it again as it was, encrypted", async (how) => {
    const Key = "@acme/ä b/1.0.0+x.tgz";
    const Metadata = { who: "alice" };
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body: "bytes",
        ContentType: "application/x",
        Metadata,
        Tagging: "team=a%3Db%20c",
      }),
    );
    const { ETag = "" } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    expect(await maintenance().reencrypt(Key, ETag, how)).toMatchObject({ ok: true });
    const after = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(after).toMatchObject({
      ServerSideEncryption: "AES256",
      ContentType: "application/x",
      Metadata,
      ContentLength: 5,
    });
    expect(await after.Body?.transformToString()).toBe("bytes");
    const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key }));
    expect(TagSet).toEqual([{ Key: "team", Value: "a=b c" }]);
  });
  test("rewrite never writes an object that changed since it was seen, or between its read and its write, or is gone", async () => {
    const seen = await put("a", "old");
    const now = await put("a", "new");
    expect(await maintenance().reencrypt("a", seen, "rewrite")).toEqual({ ok: false, reason: "mismatch" });
    const { s3: raced } = clients();
    beforeRequest(raced, async (send, { command }) => {
      if (command === "PutObjectCommand") await put("a", "newer");
      return send();
    });
    const result = await createS3Maintenance(raced, { bucket: Bucket }).reencrypt("a", now, "rewrite");
    expect(result).toEqual({ ok: false, reason: "mismatch" });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "a" }));
    expect(await Body?.transformToString()).toBe("newer");
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "a" }));
    expect(await maintenance().reencrypt("a", now, "rewrite")).toEqual({ ok: false, reason: "missing" });
  });
  // The emulator checks no condition on a copy, so that they are asked for is what can be tested.
  test("copy asks for the ETag that was seen, of what it copies and of what it replaces", async () => {
    const { s3: watched } = clients();
    const sent = recordRequests(watched);
    const etag = await put("a");
    await createS3Maintenance(watched, { bucket: Bucket }).reencrypt("a", etag, "copy");
    expect(sent).toMatchObject([
      { command: "CopyObjectCommand", headers: { "if-match": etag, "x-amz-copy-source-if-match": etag } },
    ]);
  });
  test.each([
    [412, "PreconditionFailed", "mismatch"],
    [409, "ConditionalRequestConflict", "contended"],
    [404, "NoSuchKey", "missing"],
  ])("%i %s is %s, of either", async (status, code, reason) => {
    const { s3: answering } = clients();
    answerWith(answering, { status, code });
    const port = createS3Maintenance(answering, { bucket: Bucket });
    for (const how of ["rewrite", "copy"] as const)
      expect(await port.reencrypt("a", '"1"', how)).toEqual({ ok: false, reason });
  });
});

describe("a bucket's settings", () => {
  test("a bucket without any", async () => {
    expect(await maintenance().settings()).toMatchObject({
      publicAccessBlocked: { known: true, value: false },
      policyIsPublic: { known: true, value: false },
      expiry: { known: true, value: {} },
    });
  });
  test("a block that is not completely on is off, and a policy for everybody is public", async () => {
    const block = {
      BlockPublicAcls: true,
      BlockPublicPolicy: false,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    };
    await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: block }));
    const statement = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    expect(await maintenance().settings()).toMatchObject({
      publicAccessBlocked: { known: true, value: false },
      policyIsPublic: { known: true, value: true },
    });
  });
  test("what may not be looked at is unknown, with the reason; a bucket that is not there is a mistake", async () => {
    const { s3: refusing } = clients();
    answerWith(refusing, { status: 403, code: "AccessDenied" });
    const { publicAccessBlocked } = await createS3Maintenance(refusing, { bucket: Bucket }).settings();
    expect(publicAccessBlocked).toMatchObject({ known: false, why: expect.stringContaining("AccessDenied") as string });
    await expect(createS3Maintenance(s3, { bucket: "no-such-bucket-here" }).settings()).rejects.toMatchObject({
      name: "NoSuchBucket",
    });
  });
});

describe("the end of a bucket", () => {
  test("every version and delete marker is listed and removed, and unfinished uploads are aborted", async () => {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
    await put("a", "1");
    await put("a", "2");
    await put("b");
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "b" }));
    await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "c" }));
    const { versions, cursor } = await maintenance().versions();
    expect(cursor).toBeUndefined();
    expect(versions.map(({ key, marker, latest }) => `${key} ${marker} ${latest}`).toSorted()).toEqual([
      "a false false",
      "a false true",
      "b false false",
      "b true true",
    ]);
    expect(await maintenance().removeBucket()).toBe("not_empty");
    expect(await maintenance().removeVersions(versions)).toEqual([]);
    expect((await maintenance().versions()).versions).toEqual([]);
    const { uploads } = await maintenance().uploads();
    expect(uploads.map(({ key }) => key)).toEqual(["c"]);
    await maintenance().abortUpload(uploads[0]!);
    await maintenance().abortUpload(uploads[0]!);
    expect((await maintenance().uploads()).uploads).toEqual([]);
    expect(await maintenance().removeBucket()).toBe("removed");
    expect(await maintenance().removeBucket()).toBe("missing");
  });
});

test("trouble of the service is StoreUnavailable, from every method", async () => {
  const failing = createS3Client({
    endpoint: "http://127.0.0.1:9",
    region: "eu-central-1",
    credentials: { accessKeyId: "x", secretAccessKey: "x" },
  });
  answerWith(failing, { status: 503, code: "SlowDown" });
  const port = createS3Maintenance(failing, { bucket: Bucket });
  const calls = [
    () => port.encryption("a"),
    () => port.reencrypt("a", '"1"', "copy"),
    () => port.settings(),
    () => port.versions(),
    () => port.removeVersions([{ key: "a", versionId: "1", size: 0, marker: false, latest: true }]),
    () => port.uploads(),
    () => port.abortUpload({ key: "a", uploadId: "1" }),
    () => port.removeBucket(),
  ];
  for (const call of calls) await expect(call()).rejects.toThrow(StoreUnavailable);
});
