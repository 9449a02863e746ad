import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Inputs, operations } from "../../scripts/cost-model.ts";
import { project, type Project, type Result } from "../support/clients.ts";
import { ROOT, scratch } from "../support/registry.ts";
import { startShape, type Shape } from "./support/shape.ts";
import { recordRequests, type SentRequest } from "./support/wire.ts";

const READS = ["GetObjectCommand", "HeadObjectCommand"];
const WRITES = ["PutObjectCommand", "CopyObjectCommand", "ListObjectsV2Command"];
const KNOWN = new Set([...READS, ...WRITES, "SendMessageCommand", "PublishBatchCommand", "DeleteObjectCommand"]);

describe("docs/cost.md counts what goes over the wire", () => {
  const inputs = Inputs.parse(JSON.parse(readFileSync(join(ROOT, "docs/cost.inputs.json"), "utf8")));
  const api: SentRequest[] = [];
  const consumer: SentRequest[] = [];
  const answered: { readonly status: number }[] = [];
  const batches: Promise<SQSBatchResponse>[] = [];
  let dir: Awaited<ReturnType<typeof scratch>>;
  let shape: Shape;
  let source: Project;

  beforeAll(async () => {
    const record = ({ s3, sqs, sns }: Shape["clients"], into: SentRequest[]) => {
      for (const client of [s3, sqs, sns]) recordRequests(client, into);
    };
    dir = await scratch();
    shape = await startShape({
      apiClients: (clients) => record(clients, api),
      consumer(make, clients) {
        const own = clients();
        record(own, consumer);
        const handler = make(own);
        return (event: SQSEvent) => {
          const batch = handler(event);
          batches.push(batch);
          return batch;
        };
      },
      log: {
        consume: {
          applied: () => undefined,
          failed: () => undefined,
          dead: () => undefined,
          postponed: () => undefined,
        },
        onRequest: (request) => answered.push(request),
        onFailure: () => undefined,
      },
    });
    source = await project(dir.path, shape, { name: "wire", version: "1.0.0" });
    succeeded(await source.run("npm", "publish"));
  });
  afterAll(async () => {
    await shape.stop();
    await dir[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await Promise.all(batches);
    for (const seen of [api, consumer, answered, batches]) seen.length = 0;
  });

  /** As the wire shows it. Lambda's own receive and delete are here the local poller's: one each a batch. */
  const counted = async () => {
    await Promise.all(batches);
    const sent = [...api, ...consumer].map(({ command }) => command);
    expect(sent.filter((command) => !KNOWN.has(command))).toEqual([]);
    const of = (...commands: readonly string[]) => sent.filter((command) => commands.includes(command)).length;
    return {
      httpApi: answered.length,
      invocations: answered.length + batches.length,
      sqs: of("SendMessageCommand") + 2 * batches.length,
      sns: of("PublishBatchCommand"),
      s3Writes: of(...WRITES),
      // A 307's tarball comes straight from the bucket.
      s3Reads: of(...READS) + answered.filter(({ status }) => status === 307).length,
    };
  };
  /** How often the outcome is looked at depends on the machine: the API's reads once the change is on its way. */
  const looks = () => {
    const sent = api.findIndex(({ command }) => command === "SendMessageCommand");
    return sent < 0 ? 0 : api.slice(sent).filter(({ command }) => READS.includes(command)).length;
  };
  const modelled = (name: string) => {
    const measures = { ...inputs.measures, changesPerBatch: 1, looksPerWait: looks() };
    const found = operations({ ...inputs, measures }).find((operation) => operation.name === name);
    if (!found) throw new Error(`no operation ${name}`);
    const { httpApi, invocations, sqs = 0, sns = 0, s3Writes, s3Reads } = found.ours;
    return { httpApi, invocations, sqs, sns, s3Writes, s3Reads };
  };

  test("of npm dist-tag add", async () => {
    succeeded(await source.run("npm", "dist-tag", "add", "wire@1.0.0", "next"));
    expect(await counted()).toEqual(modelled("tag change"));
  });
  test("of a bare PUT of a tag", async () => {
    const headers = { "content-type": "application/json" };
    const answer = await shape.fetch("/-/package/wire/dist-tags/bare", { method: "PUT", body: '"1.0.0"', headers });
    expect(answer.status).toBe(200);
    expect(await counted()).toEqual(modelled("tag change, bare PUT"));
  });
  test("of npm publish", async () => {
    await source.write("package.json", { name: "wire", version: "1.1.0" });
    succeeded(await source.run("npm", "publish"));
    expect(await counted()).toEqual(modelled("publish"));
  });
  test("of npm install", async () => {
    // A home of its own: npm keeps what it published.
    await using elsewhere = await scratch();
    const app = await project(elsewhere.path, shape, { name: "app", version: "1.0.0", private: true });
    succeeded(await app.run("npm", "install", "wire"));
    expect(await counted()).toEqual(modelled("install of a package"));
  });
});

function succeeded({ code, all }: Result): void {
  if (code !== 0) throw new Error(all);
}
