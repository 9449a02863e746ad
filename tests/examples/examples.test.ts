import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { SNSClient } from "@aws-sdk/client-sns";
import { Change } from "@codebox/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { subscribe, type ChangeEvent, type Position } from "../../examples/event-subscriber/subscribe.ts";
import { publishMove, tagPut } from "../../examples/tag-sender/message.ts";
import { moveTag } from "../../examples/tag-sender/send.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
const at = (move: { tag: string; version: string; key: string }) => ({
  registry: registry.url,
  token: registry.token,
  name: "wire",
  ...move,
});
const noPause = async () => undefined;

beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(join(dir.path, "data"));
  for (const version of ["1.0.0", "1.1.0"]) {
    const { bytes, integrity, shasum } = makeTarball({ name: "wire", version });
    const data = bytes.toString("base64");
    const document = {
      _id: "wire",
      name: "wire",
      "dist-tags": { latest: version },
      versions: { [version]: { name: "wire", version, dist: { integrity, shasum } } },
      _attachments: {
        [`wire-${version}.tgz`]: { content_type: "application/octet-stream", data, length: bytes.length },
      },
    };
    const headers = { "content-type": "application/json" };
    const sent = { method: "PUT", headers, body: JSON.stringify(document) };
    expect((await registry.fetch("/wire", sent)).status).toBe(201);
  }
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

/** A registry that answers as `answer` says, for what a real one seldom does. */
async function standIn(answer: RequestListener): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Reads events until `count` have come. */
async function read(position: Position, count: number): Promise<ChangeEvent[]> {
  const events: ChangeEvent[] = [];
  const enough = new AbortController();
  const options = { registry: registry.url, token: registry.token, position, signal: enough.signal };
  await subscribe({
    ...options,
    onEvent(event) {
      events.push(event);
      if (events.length === count) enough.abort();
    },
    onGap: (name, from, to) => {
      throw new Error(`gap in ${name}: ${from}–${to}`);
    },
  }).catch((error: unknown) => {
    if (!enough.signal.aborted) throw error;
  });
  return events;
}

describe("the event subscriber", () => {
  test("gets every event once and in order, and resumes where it stopped", async () => {
    const position: Position = { sequences: {} };
    expect((await read(position, 2)).map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(await moveTag(at({ tag: "beta", version: "1.0.0", key: "subscriber" }), noPause)).toEqual({ ok: true });
    const [next] = await read(position, 1);
    expect(next).toMatchObject({ name: "wire", sequence: 3, type: "tag.put", data: { tag: "beta", version: "1.0.0" } });
  });
  test("drops a repeated event, and reports a gap before the event that comes after it", async () => {
    const event = (sequence: number) => ({ id: `id-${sequence}`, name: "wire", sequence, type: "tag.put", data: {} });
    await using registryOfGaps = await standIn((_request, response) => {
      const messages = [1, 1, 2, 5].map((sequence) => `id: ${sequence}\ndata: ${JSON.stringify(event(sequence))}\n\n`);
      response.writeHead(200, { "content-type": "text/event-stream" }).end(messages.join(""));
    });
    const seen: number[] = [];
    const gaps: unknown[] = [];
    await subscribe({
      registry: registryOfGaps.url,
      position: { sequences: {} },
      onEvent: ({ sequence }) => void seen.push(sequence),
      onGap: (...gap) => gaps.push(gap),
      signal: new AbortController().signal,
    });
    expect({ seen, gaps }).toEqual({ seen: [1, 2, 5], gaps: [["wire", 3, 4]] });
  });
});

describe("the tag sender", () => {
  test("moves a tag, and a repeated move with the same key changes nothing", async () => {
    const move = at({ tag: "next", version: "1.1.0", key: "release-7" });
    expect(await moveTag(move, noPause)).toEqual({ ok: true });
    const { history } = (await (await registry.fetch("/-/package/wire/history")).json()) as { history: unknown[] };
    expect(await moveTag(move, noPause)).toEqual({ ok: true });
    const again = (await (await registry.fetch("/-/package/wire/history")).json()) as { history: unknown[] };
    expect(again.history).toEqual(history);
  });
  test("returns the registry's refusal, and does not retry it", async () => {
    const sent = await moveTag(at({ tag: "next", version: "9.9.9", key: "release-8" }), noPause);
    expect(sent).toMatchObject({ ok: false, error: expect.stringContaining("no version 9.9.9") as string });
  });
  test("sends the same request again after a server error", async () => {
    const keys: (string | undefined)[] = [];
    await using failing = await standIn((request, response) => {
      keys.push(String(request.headers["idempotency-key"]));
      response.writeHead(keys.length < 3 ? 503 : 200, { "content-type": "application/json" }).end("{}");
    });
    const move = { ...at({ tag: "next", version: "1.1.0", key: "release-9" }), registry: failing.url };
    expect(await moveTag(move, noPause)).toEqual({ ok: true });
    expect(keys).toEqual(["release-9", "release-9", "release-9"]);
  });
  test("asks the status URL after a 202 until the change is decided, also when the URL fails once", async () => {
    const states = ["pending", undefined, "pending", "applied"];
    const sent: string[] = [];
    await using queueing = await standIn((request, response) => {
      sent.push(String(request.method));
      const state = request.method === "PUT" ? "queued" : states.shift();
      const location = `http://${request.headers.host}/-/changes/release-10`;
      if (state === "queued") response.writeHead(202, { location }).end("{}");
      else response.writeHead(state ? 200 : 503).end(JSON.stringify({ state }));
    });
    const move = { ...at({ tag: "next", version: "1.1.0", key: "release-10" }), registry: queueing.url };
    expect(await moveTag(move, noPause)).toEqual({ ok: true });
    expect(sent).toEqual(["PUT", "GET", "GET", "GET", "GET"]);
  });
});

describe("the tag sender's message", () => {
  const move = { name: "wire", tag: "next", version: "1.1.0", key: "release-7" };
  const message = tagPut({ ...move, at: new Date("2026-01-01T00:00:00Z") });

  test("is a change by the contract", () => {
    // The intake adds the actor: the sender.
    const actor = { kind: "service", name: "AROAEXAMPLE" };
    expect(Change.parse({ ...message, actor })).toEqual({ ...message, actor });
  });
  test("is published in its package's message group, under its own id", async () => {
    const bodies: URLSearchParams[] = [];
    await using sns = await standIn(async (request, response) => {
      bodies.push(new URLSearchParams(await text(request)));
      response.writeHead(200, { "content-type": "text/xml" }).end("<PublishResponse/>");
    });
    const credentials = { accessKeyId: "x", secretAccessKey: "x" };
    const client = new SNSClient({ endpoint: sns.url, region: "eu-central-1", credentials });
    await publishMove(client, "arn:aws:sns:eu-central-1:123456789012:intake.fifo", message);
    client.destroy();
    const [sent] = bodies;
    expect(sent?.get("MessageGroupId")).toBe("wire");
    expect(sent?.get("MessageDeduplicationId")).toBe("release-7");
    expect(JSON.parse(sent?.get("Message") ?? "")).toEqual(message);
  });
});
