import { PublishCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { createS3Client, createSqsClient } from "@codebox/aws";
import { readEnvironment, redriveFunction } from "@codebox/functions";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { environmentOf } from "../../scripts/aws-local/cloud.ts";
import { MOTO_CREDENTIALS, MOTO_REGION } from "../../scripts/moto.ts";
import { permits, RIGHTS } from "../../stacks/rights.ts";
import { project } from "../support/clients.ts";
import { scratch } from "../support/registry.ts";
import { systemClock } from "@codebox/system";
import { createGuard } from "./support/rights.ts";
import { startShape, until, type Shape } from "./support/shape.ts";

const JSON_TYPE = { "content-type": "application/json" };

describe("the functions get by with the rights of stacks/rights.ts", () => {
  const guard = createGuard();
  let dir: Awaited<ReturnType<typeof scratch>>;
  let shape: Shape;

  const outside = (id: string, change: object) => ({
    schema: 1,
    id,
    at: "2026-01-01T00:00:00.000Z",
    actor: { name: "bot" },
    ...change,
  });
  const state = async (id: string) =>
    ((await (await shape.fetch(`/-/changes/${id}`)).json()) as { state?: string }).state;

  beforeAll(async () => {
    dir = await scratch();
    shape = await startShape({
      guard(name, { s3, sqs, sns }, cloud) {
        for (const client of [s3, sqs, sns]) guard.watch(name, client, cloud);
      },
    });
    const wire = await project(dir.path, shape, { name: "wire", version: "1.0.0" });
    expect((await wire.run("npm", "publish")).all).toContain("+ wire@1.0.0");
  });
  afterAll(async () => {
    await shape.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("npm's commands", async () => {
    const wire = await project(dir.path, shape, { name: "wire", version: "1.1.0" });
    for (const command of [
      ["publish"],
      ["dist-tag", "add", "wire@1.0.0", "old"],
      ["dist-tag", "rm", "wire", "old"],
      ["deprecate", "wire@1.0.0", "use 1.1"],
      ["view", "wire"],
      ["search", "wire"],
      ["ping"],
      ["whoami"],
      ["token", "list"],
      ["unpublish", "wire@1.0.0"],
    ]) {
      const { code, all } = await wire.run("npm", ...command);
      expect(code, all).toBe(0);
    }
    const app = await project(dir.path, shape, { name: "app", version: "1.0.0", private: true });
    expect((await app.run("npm", "install", "wire")).code).toBe(0);
  });

  test("an upload, an answer that is not awaited, a status, health", async () => {
    const upload = await shape.fetch("/-/package/wire/uploads", {
      method: "POST",
      body: '{"size":4}',
      headers: JSON_TYPE,
    });
    expect(upload.status).toBe(201);
    const put = await shape.fetch("/-/package/wire/dist-tags/later", {
      method: "PUT",
      body: '"1.1.0"',
      headers: { ...JSON_TYPE, prefer: "respond-async" },
    });
    expect(put.status).toBe(202);
    const id = new URL(put.headers.get("location") ?? "").pathname.split("/").at(-1) ?? "";
    await until("the change", async () => (await state(id)) === "applied");
    expect((await shape.fetch("/-/health")).status).toBe(200);
  });

  test("other services' messages: a good one, one that is rejected, one that is none, and its redrive", async () => {
    const { cloud, clients } = shape;
    const publish = (id: string, body: object) =>
      clients.sns.send(
        new PublishCommand({
          TopicArn: cloud.intakeTopicArn,
          Message: JSON.stringify(body),
          MessageGroupId: "wire",
          MessageDeduplicationId: id,
        }),
      );
    await publish(
      "rights-good",
      outside("rights-good", { type: "tag.put", name: "wire", tag: "bot", version: "1.1.0" }),
    );
    await publish(
      "rights-wrong",
      outside("rights-wrong", { type: "tag.put", name: "wire", tag: "bot", version: "9.9.9" }),
    );
    await until("the rejection", async () => (await state("rights-wrong")) === "rejected");
    await clients.sqs.send(
      new SendMessageCommand({
        QueueUrl: cloud.queueUrl,
        MessageBody: "no change",
        MessageGroupId: "wire",
        MessageDeduplicationId: "rights-none",
      }),
    );
    const options = { endpoint: inject("moto"), region: MOTO_REGION, credentials: MOTO_CREDENTIALS };
    const [s3, sqs] = [createS3Client(options), createSqsClient(options)];
    for (const client of [s3, sqs]) guard.watch("redrive", client, cloud);
    const redrive = redriveFunction(readEnvironment("redrive", environmentOf(cloud)), { s3, sqs, clock: systemClock });
    // A change in the group of another package: a dead letter too, and one whose package a redrive reads.
    await clients.sqs.send(
      new SendMessageCommand({
        QueueUrl: cloud.queueUrl,
        MessageBody: JSON.stringify(
          outside("rights-old", { type: "tag.put", name: "wire", tag: "bot", version: "1.1.0" }),
        ),
        MessageGroupId: "other",
        MessageDeduplicationId: "rights-old",
      }),
    );
    await until("the dead letters", async () => {
      const answer = await redrive({ action: "list" });
      return "letters" in answer && answer.letters.length > 1;
    });
    expect(await redrive({ action: "redrive", ids: "all" })).toMatchObject({
      redriven: [expect.any(String), expect.any(String)],
    });
  });

  test("nothing was refused", () => {
    expect(guard.refused).toEqual([]);
  });

  test("every function was seen at work", () => {
    const seen = new Set([...guard.used].map((entry) => entry.split(" ")[0]));
    expect([...seen].sort()).toEqual(Object.keys(RIGHTS).sort());
  });
});

test("signed URLs, which S3 checks when they are used, are within the rights of who signs them", () => {
  expect(permits("read", "s3:GetObject", "bucket/@acme/wire/1.0.0.tgz")).toBe(true);
  expect(permits("write", "s3:PutObject", "bucket/_codebox/staging/01J")).toBe(true);
});

test("a right that is not in the table is refused", async () => {
  const guard = createGuard();
  await using shape = await startShape({
    // Held to the rights of the function behind GET, which cannot take a token away.
    guard(name, { s3 }, cloud) {
      if (name === "account") guard.watch("read", s3, cloud);
    },
  });
  const logout = await shape.fetch(`/-/user/token/${shape.token}`, { method: "DELETE" });
  expect(logout.status).toBeGreaterThanOrEqual(500);
  expect(guard.refused).toEqual([expect.stringContaining("read: s3:DeleteObject on bucket/_codebox/tokens/")]);
});
