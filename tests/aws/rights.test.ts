import { PutObjectCommand } from "@aws-sdk/client-s3";
import { PublishCommand } from "@aws-sdk/client-sns";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { readEnvironment, redriveFunction } from "@codebox/functions";
import { systemClock } from "@codebox/system";
import type { Target } from "@codebox/testing/conformance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environmentOf, type Clients } from "../../scripts/aws-local/cloud.ts";
import type { FunctionName } from "../../stacks/rights.ts";
import { isSynthesisReady } from "../../stacks/test/synthesise.ts";
import { project } from "../support/clients.ts";
import { conformanceTests } from "../support/conformance.ts";
import { scratch } from "../support/registry.ts";
import { startIamCloud, type IamCloud } from "./support/iam-cloud.ts";
import { startShape, until, type Shape } from "./support/shape.ts";
import { targetOf } from "./support/target.ts";

/** Sections of PROTOCOL.md for which npm has no command. */
const WITHOUT_COMMAND = ["REL", "STG", "HIS", "UND", "RUL", "TRU", "LST", "RGT", "AMD"];
const JSON_TYPE = { "content-type": "application/json" };

let dir: Awaited<ReturnType<typeof scratch>>;
let iam: IamCloud;
let shape: Shape;
let target: Target;
const own = new Map<FunctionName, Clients>();

const isReady = isSynthesisReady();
if (!isReady) console.warn("skipped: SST's platform is missing; run `npm run sst:install` to try the policies");

beforeAll(async () => {
  if (!isReady) return;
  dir = await scratch();
  iam = await startIamCloud();
  shape = await startShape({
    client: iam.client,
    names: iam.names,
    async clientsOf(name) {
      const clients = await iam.clientsOf(name);
      own.set(name, clients);
      return clients;
    },
  });
  target = await targetOf(shape);
  await iam.closeResources();
});
afterAll(async () => {
  if (!isReady) return;
  await shape.stop();
  await iam.stop();
  await dir[Symbol.asyncDispose]();
});

describe.skipIf(!isReady)("the functions get by with the policies that the stacks synthesise", () => {
  const outside = (id: string, change: object) => ({
    schema: 1,
    id,
    at: "2026-01-01T00:00:00.000Z",
    actor: { kind: "service", name: "bot" },
    ...change,
  });
  const state = async (id: string) =>
    ((await (await shape.fetch(`/-/changes/${id}?package=wire`)).json()) as { state?: string }).state;

  beforeAll(async () => {
    const wire = await project(dir.path, shape, { name: "wire", version: "1.0.0" });
    expect((await wire.run("npm", "publish")).all).toContain("+ wire@1.0.0");
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
    const { url, headers } = (await upload.json()) as { url: string; headers: Record<string, string> };
    expect((await fetch(url, { method: "PUT", body: "1234", headers })).status).toBe(200);
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
    const sender = own.get("write");
    await sender?.sqs.send(
      new SendMessageCommand({
        QueueUrl: cloud.queueUrl,
        MessageBody: "no change",
        MessageGroupId: "wire",
        MessageDeduplicationId: "rights-none",
      }),
    );
    const redriver = await iam.clientsOf("redrive");
    const redrive = redriveFunction(readEnvironment("redrive", environmentOf(cloud)), {
      ...redriver,
      clock: systemClock,
    });
    // A change in the group of another package: a dead letter too, and one whose package a redrive reads.
    await sender?.sqs.send(
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

  conformanceTests(() => target, WITHOUT_COMMAND);

  test("nothing was refused", () => {
    expect(iam.refused).toEqual([]);
  });
});

describe.skipIf(!isReady)("what nobody granted is refused", () => {
  const send = (clients: Clients | undefined, QueueUrl: string) =>
    clients?.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "{}", MessageGroupId: "wire", MessageDeduplicationId: "forged" }),
    );
  const denied = { name: expect.stringMatching(/AccessDenied/) as string };

  test.each(["read", "write", "account", "intake"] as const)("%s cannot write a packument", async (name) => {
    const put = new PutObjectCommand({
      Bucket: shape.cloud.bucket,
      Key: "wire/index.json",
      Body: "{}",
      ServerSideEncryption: "AES256",
    });
    await expect(own.get(name)?.s3.send(put)).rejects.toMatchObject(denied);
  });

  test("the function behind GET cannot queue a change", async () => {
    await expect(send(own.get("read"), shape.cloud.queueUrl)).rejects.toMatchObject(denied);
  });

  test("a service that may send to every queue cannot send to those whose messages are believed", async () => {
    const statement = { actions: ["sqs:SendMessage"], resources: ["*"] };
    const service = await iam.clientsWith("service", [statement]);
    for (const url of [shape.cloud.queueUrl, shape.cloud.deadLettersUrl])
      await expect(send(service, url)).rejects.toMatchObject(denied);
    await expect(send(service, shape.cloud.intakeUrl)).resolves.toBeDefined();
  });

  test("a write without the bucket's encryption", async () => {
    const put = new PutObjectCommand({ Bucket: shape.cloud.bucket, Key: "wire/index.json", Body: "{}" });
    await expect(own.get("consumer")?.s3.send(put)).rejects.toMatchObject(denied);
  });
});
