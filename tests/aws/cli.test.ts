import {
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { createS3ObjectStore } from "@codebox/aws";
import { EXPIRING, serializePackument, type Packument } from "@codebox/core";
import { makeTarball } from "@codebox/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scratch } from "../support/registry.ts";
import { cli, type Line } from "./support/cli.ts";
import { clients, makeBucket } from "./support/cloud.ts";
import { startShape } from "./support/shape.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
const { s3 } = clients();
beforeAll(async () => {
  dir = await scratch();
});
afterAll(() => dir[Symbol.asyncDispose]());

/** A bucket with the settings that the stacks give it. */
async function goodBucket(): Promise<string> {
  const Bucket = await makeBucket(s3);
  const on = { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true };
  await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: on }));
  const byDefault = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const } };
  const encryption = { Rules: [byDefault] };
  await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: encryption }));
  const rule = (Prefix: string, Days: number) => ({
    ID: Prefix,
    Status: "Enabled" as const,
    Filter: { Prefix },
    Expiration: { Days },
  });
  const Rules = EXPIRING.map(({ prefix, days }) => rule(prefix, days));
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  return Bucket;
}

/** A package as it is in a bucket, right in every way. */
async function putPackage(
  s3: S3Client,
  bucket: string,
  name: string,
  versions: readonly string[],
  edit = (document: Packument) => document,
) {
  const store = createS3ObjectStore(s3, { bucket });
  const manifests: Record<string, Packument["versions"][string]> = {};
  for (const version of versions) {
    const { bytes, integrity, shasum } = makeTarball({ name, version });
    await store.put(`${name}/${version}.tgz`, bytes);
    manifests[version] = { name, version, dist: { integrity, shasum } };
  }
  const document = { name, "dist-tags": { latest: versions.at(-1) ?? "" }, versions: manifests };
  await store.put(`${name}/index.json`, serializePackument(edit(document)), { contentType: "application/json" });
}

const found = (lines: readonly Line[]) =>
  lines.filter((line) => line["summary"] === undefined).map(({ code, key }) => `${String(code)} ${String(key)}`);

describe("codebox verify", () => {
  test("a bucket that is as it must be has no findings, after real changes too", async () => {
    const Bucket = await goodBucket();
    await putPackage(s3, Bucket, "wire", ["1.0.0", "1.1.0"]);
    await putPackage(s3, Bucket, "@acme/wire", ["1.0.0"]);
    const result = await cli(dir.path, ["verify", "--deep", "--bucket", Bucket]);
    expect(found(result.lines)).toEqual([]);
    expect(result.summary).toMatchObject({ packages: 2, objects: 5, errors: 0, warnings: 0, deep: true });
    expect(result.code).toBe(0);
  });
  test("each broken rule is a finding of its own, and the run continues", async () => {
    const Bucket = await makeBucket(s3);
    const store = createS3ObjectStore(s3, { bucket: Bucket });
    await putPackage(s3, Bucket, "dangling", ["1.0.0"], (document) => ({
      ...document,
      "dist-tags": { latest: "1.0.0", next: "2.0.0" },
    }));
    await putPackage(s3, Bucket, "missing", ["1.0.0", "1.1.0"]);
    await store.delete("missing/1.0.0.tgz");
    await putPackage(s3, Bucket, "named", ["1.0.0"], (document) => ({ ...document, name: "other" }));
    await putPackage(s3, Bucket, "damaged-bytes", ["1.0.0"]);
    await store.put("damaged-bytes/1.0.0.tgz", makeTarball({ name: "another", version: "1.0.0" }).bytes);
    await store.put("broken/index.json", Buffer.from("{"));
    await s3.send(
      new PutObjectCommand({ Bucket, Key: "_codebox/tokens/abc", Body: "{}", ServerSideEncryption: "AES256" }),
    );
    const result = await cli(dir.path, ["verify", "--deep", "--bucket", Bucket]);
    expect(found(result.lines)).toEqual(
      expect.arrayContaining([
        "tag-dangling dangling/index.json",
        "tarball-missing missing/1.0.0.tgz",
        "document-name named/index.json",
        "tarball-digest damaged-bytes/1.0.0.tgz",
        "document-damaged broken/index.json",
        "token-damaged _codebox/tokens/abc",
        `bucket-public-access ${Bucket}`,
        `bucket-lifecycle ${Bucket}`,
      ]),
    );
    expect(result.code).toBe(1);
  });
});

describe("codebox token", () => {
  test("a token that it makes works at once, is listed by its hash, and is refused once it is removed", async () => {
    await using shape = await startShape();
    const bucket = ["--bucket", shape.cloud.bucket];
    const whoami = async (token: string) => {
      const answer = await fetch(`${shape.url}/-/whoami`, { headers: { authorization: `Bearer ${token}` } });
      return { status: answer.status, body: (await answer.json()) as Line };
    };
    const added = await cli(dir.path, ["token", "add", "alice", "--label", "laptop", ...bucket]);
    const token = String(added.lines[0]?.["token"]);
    expect(await whoami(token)).toMatchObject({ status: 200, body: { username: "alice" } });
    const listed = await cli(dir.path, ["token", "list", "alice", ...bucket]);
    expect(listed.lines).toMatchObject([
      { user: "alice", label: "laptop", access: "read and write", expires: "never" },
    ]);
    expect(listed.stdout).not.toContain(token);
    const hash = String(listed.lines[0]?.["hash"]);
    const dry = await cli(dir.path, ["token", "revoke", hash.slice(0, 8), "--dry-run", ...bucket]);
    expect(dry.lines).toMatchObject([{ hash, dryRun: true }]);
    expect((await whoami(token)).status).toBe(200);
    expect((await cli(dir.path, ["token", "revoke", hash.slice(0, 8), ...bucket])).code).toBe(0);
    expect((await whoami(token)).status).toBe(401);
    expect((await cli(dir.path, ["token", "revoke", hash.slice(0, 8), ...bucket])).code).toBe(1);
  });
});
