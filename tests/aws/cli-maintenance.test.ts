import {
  CreateMultipartUploadCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { createSqsDeadLetters } from "@codebox/aws";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readdir } from "node:fs/promises";
import { tagPut } from "@codebox/testing";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { scratch } from "../support/registry.ts";
import { cli, killedCli } from "./support/cli.ts";
import { clients, makeBucket, unique } from "./support/cloud.ts";
import { startShape, until } from "./support/shape.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
const { s3, sqs } = clients();
beforeAll(async () => {
  dir = await scratch();
});
afterAll(() => dir[Symbol.asyncDispose]());

/** One page of S3's listing holds 1,000 keys. */
const MANY = 1_050;

const documentOf = (name: string) => ({
  name,
  "dist-tags": { latest: "1.0.0" },
  versions: {
    "1.0.0": {
      name,
      version: "1.0.0",
      description: "a wire",
      scripts: {},
      dist: { shasum: "x", tarball: `http://old.example/registry/${name}/-/${name}-1.0.0.tgz` },
    },
  },
  _rev: "3-abc",
});
const nameOf = (index: number) => `p${String(index).padStart(5, "0")}`;
async function putMany(s3: S3Client, Bucket: string, count: number) {
  const put = (index: number) =>
    s3.send(
      new PutObjectCommand({
        Bucket,
        Key: `${nameOf(index)}/index.json`,
        Body: JSON.stringify(documentOf(nameOf(index))),
        ContentType: "application/json",
      }),
    );
  for (let at = 0; at < count; at += 32)
    await Promise.all(Array.from({ length: Math.min(32, count - at) }, (_, i) => put(at + i)));
}

describe("over more objects than a page of a listing holds", () => {
  let bucket: string;
  beforeAll(async () => {
    bucket = await makeBucket(s3);
    await putMany(s3, bucket, MANY);
  });

  test("domain rewrites every one, also when it is killed and interrupted on its way", async () => {
    const args = ["domain", "https://new.example/", "--bucket", bucket];
    const killed = await killedCli(dir.path, args, { after: 300, signal: "SIGKILL" });
    expect(killed.code).toBeNull();
    const interrupted = await killedCli(dir.path, args, { after: 300, signal: "SIGINT" });
    expect(interrupted).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Run the same command again") as string,
    });
    expect(interrupted.lines).toBeLessThan(400);
    const state = `.codebox-domain-${bucket}.json`;
    expect(await readdir(dir.path)).toContain(state);
    const other = await cli(dir.path, ["domain", "https://other.example/", "--bucket", bucket]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("--restart");
    const last = await cli(dir.path, args);
    expect(last.summary).toMatchObject({ packages: MANY, failed: 0, resumed: true });
    // What the two did before is not done again.
    expect(last.lines.length).toBeLessThan(MANY - 500);
    expect(await readdir(dir.path)).not.toContain(state);
    expect((await cli(dir.path, args)).summary).toMatchObject({ packages: MANY, rewritten: 0, resumed: false });
  });
  test("verify looks at every one", async () => {
    const result = await cli(dir.path, ["verify", "--bucket", bucket]);
    expect(result.summary).toMatchObject({ packages: MANY, objects: MANY });
    expect(result.lines.filter(({ code }) => code === "tarball-missing")).toHaveLength(MANY);
    expect(result.code).toBe(1);
  });
  test("index sends every one, and continues after trouble", async () => {
    const events: Record<string, unknown>[] = [];
    const seen = { authorization: "", refusals: 0 };
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen.authorization = request.headers.authorization ?? "";
        if (seen.refusals++ % 300 === 100) return void response.writeHead(503).end("later");
        events.push(JSON.parse(body) as Record<string, unknown>);
        response.writeHead(200).end("{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs`;
    const env = {
      AWS_ENDPOINT_URL: inject("moto"),
      CODEBOX_INSIGHTS_CLIENT_ID: "id",
      CODEBOX_INSIGHTS_CLIENT_SECRET: "secret",
    };
    const result = await cli(dir.path, ["index", "--url", url, "--bucket", bucket], { env });
    server.closeAllConnections();
    server.close();
    expect(result.summary).toMatchObject({ sent: MANY, failed: 0 });
    expect(events).toHaveLength(MANY);
    expect(seen.authorization).toBe(`Basic ${Buffer.from("id:secret").toString("base64")}`);
    expect(events[0]).toMatchObject({
      level: "info",
      namespace: "info:package:put",
      body: { version: "1.0.0", description: "a wire", "dist-tags": { latest: "1.0.0" } },
    });
    expect(events[0]?.["body"]).not.toHaveProperty("scripts");
  });
  test("encrypt encrypts every one, keeps type and metadata, and then finds nothing to do", async () => {
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: "meta/1.0.0.tgz",
        Body: "x",
        ContentType: "application/gzip",
        Metadata: { who: "alice" },
      }),
    );
    const bare = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "meta/1.0.0.tgz" }));
    expect(bare.ServerSideEncryption).toBeUndefined();
    const dry = await cli(dir.path, ["encrypt", "--dry-run", "--bucket", bucket]);
    // What domain wrote above is encrypted already.
    expect(dry.summary).toMatchObject({ objects: MANY + 1, encrypted: 1, dryRun: true });
    const kms = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const result = await cli(dir.path, ["encrypt", "--kms-key", kms, "--bucket", bucket]);
    expect(result.summary).toMatchObject({ objects: MANY + 1, encrypted: MANY + 1, failed: 0, algorithm: "aws:kms" });
    const after = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "meta/1.0.0.tgz" }));
    expect(after).toMatchObject({
      ServerSideEncryption: "aws:kms",
      SSEKMSKeyId: kms,
      ContentType: "application/gzip",
      Metadata: { who: "alice" },
      ContentLength: 1,
    });
    expect((await cli(dir.path, ["encrypt", "--kms-key", kms, "--bucket", bucket])).summary).toMatchObject({
      encrypted: 0,
    });
  });
  test("remove-storage removes every version, and the bucket, once its name is said", async () => {
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }));
    await putMany(s3, bucket, 40);
    await cli(dir.path, ["domain", "https://third.example", "--bucket", bucket]);
    await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: "unfinished" }));
    const shown = await cli(dir.path, ["remove-storage", "--bucket", bucket]);
    expect(shown.code).toBe(2);
    expect(shown.summary).toMatchObject({ packages: MANY, unfinishedUploads: 1, removed: false });
    expect(Number(shown.summary["formerVersions"])).toBeGreaterThanOrEqual(MANY);
    expect((await cli(dir.path, ["remove-storage", "--bucket", bucket, "--dry-run"])).code).toBe(0);
    expect((await cli(dir.path, ["remove-storage", "--bucket", bucket, "--yes", "other"])).code).toBe(2);
    await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    const removed = await cli(dir.path, ["remove-storage", "--bucket", bucket, "--yes", bucket]);
    expect(removed).toMatchObject({ code: 0, summary: { removed: true } });
    await expect(s3.send(new HeadBucketCommand({ Bucket: bucket }))).rejects.toMatchObject({ name: "NotFound" });
    const gone = await cli(dir.path, ["verify", "--bucket", bucket]);
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining("check --bucket") as string });
  });
});

describe("codebox dead-letters", () => {
  test("lists, shows and redrives; all of them, when a package has more than SQS shows at a time", async () => {
    await using shape = await startShape();
    const { queueUrl, deadLettersUrl } = shape.cloud;
    const letters = createSqsDeadLetters(sqs, { queueUrl, deadLettersUrl });
    const changes = Array.from({ length: 13 }, (_, n) => tagPut("wire", `t${n}`, "1.0.0", unique("change")));
    for (const change of changes)
      await letters.put({
        body: JSON.stringify(change),
        group: "wire",
        id: change.id,
        reason: "it was full moon",
        receives: 8,
      });
    const queues = ["--dead-letters-url", deadLettersUrl];
    const listed = await cli(dir.path, ["dead-letters", "list", ...queues]);
    expect(listed.lines[0]).toMatchObject({ id: changes[0]?.id, group: "wire", reason: "it was full moon" });
    const shown = await cli(dir.path, ["dead-letters", "show", changes[1]!.id, ...queues]);
    expect(shown.lines).toMatchObject([{ body: { type: "tag.put", tag: "t1" } }]);
    const table = await cli(dir.path, ["dead-letters", "list", ...queues], { terminal: true });
    expect(table.stdout).toMatch(/id.*package.*reason/);
    expect((await cli(dir.path, ["dead-letters", "redrive", changes[0]!.id, ...queues])).code).toBe(2);
    const to = [...queues, "--queue-url", queueUrl, "--bucket", shape.cloud.bucket];
    const dry = await cli(dir.path, ["dead-letters", "redrive", "--all", "--dry-run", ...to]);
    expect(Number(dry.summary["redriven"])).toBeGreaterThanOrEqual(10);
    const one = await cli(dir.path, ["dead-letters", "redrive", changes[0]!.id, ...to]);
    expect(one).toMatchObject({ code: 0, summary: { redriven: 1 } });
    const all = await cli(dir.path, ["dead-letters", "redrive", "--all", ...to]);
    expect(all).toMatchObject({ code: 0, summary: { redriven: 12 } });
    const again = await cli(dir.path, ["dead-letters", "redrive", changes[0]!.id, ...to]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("no dead letter") as string });
    // The consumer had them again: the package does not exist, so each is refused, and says so.
    await until("the redriven change's outcome", async () => {
      const answer = await shape.fetch(`/-/changes/${changes[12]!.id}`);
      return answer.ok && ((await answer.json()) as { state: string }).state === "rejected";
    });
  });
});
