import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Socket, type AddressInfo } from "node:net";
import { StoreUnavailable } from "@codebox/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createS3Client, createS3ObjectStore } from "../src/index.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An S3 that answers what a test sets, and a store over it. */
async function s3(answer: Answer) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
    request.resume();
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: "testing", secretAccessKey: "testing" };
  const client = createS3Client({ endpoint, region: "eu-central-1", credentials });
  return {
    requests,
    store: createS3ObjectStore(client, { bucket: "packages" }),
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const XML = '<?xml version="1.0" encoding="UTF-8"?>\n';
const COPIED = `${XML}  \n  <CopyObjectResult><ETag>"abc"</ETag></CopyObjectResult>`;
const FAILED = `${XML}  \n  <Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>`;

describe("a copy whose outcome comes after its 200", () => {
  test("is made when the outcome is good, and tried again when it is an error", async () => {
    await using fixture = await s3((_, response) => response.end(fixture.requests.length === 1 ? FAILED : COPIED));
    expect(await fixture.store.copy("from", "to", { ifNoneMatch: "*" })).toEqual({ ok: true, etag: '"abc"' });
    expect(fixture.requests).toHaveLength(2);
  });
  test("is StoreUnavailable when it continues to fail, or breaks off", async () => {
    await using failing = await s3((_, response) => response.end(FAILED));
    await expect(failing.store.copy("from", "to")).rejects.toBeInstanceOf(StoreUnavailable);
    expect(failing.requests).toHaveLength(3);
    await using broken = await s3((_, response) => response.end());
    await expect(broken.store.copy("from", "to")).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe("a socket", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  test.each([
    ["a read", 6_000, (store: Store) => store.get("wire/index.json")],
    ["a write", 6_000, (store: Store) => store.put("wire/index.json", Buffer.from("{}"))],
    ["a copy", 20_000, (store: Store) => store.copy("from", "to")],
  ] as const)("of %s may be silent for %i ms", async (_, silentMs, operation) => {
    const watched = vi.spyOn(Socket.prototype, "setTimeout");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = Promise.withResolvers<ServerResponse>();
    await using fixture = await s3((_, response) => asked.resolve(response));
    const running = operation(fixture.store);
    const response = await asked.promise;
    watched.mockClear();
    // The SDK begins to watch after three seconds.
    await vi.advanceTimersByTimeAsync(3_000);
    expect(watched.mock.calls.map(([ms]) => ms)).toContain(silentMs);
    response.setHeader("etag", '"abc"').end(COPIED);
    await running;
  });
});
type Store = ReturnType<typeof createS3ObjectStore>;
