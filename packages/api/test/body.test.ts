import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const MiB = 1024 * 1024;
const brackets = "[".repeat(8 * MiB);

/** Every route that reads JSON. */
const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ["PUT", "/wire"],
  ["PUT", "/wire/-rev/1-x"],
  ["POST", "/-/npm/v1/security/advisories/bulk"],
  ["PUT", "/-/package/wire/dist-tags/next"],
  ["PUT", "/-/package/wire/dist-tags"],
  ["POST", "/-/npm/v1/tokens"],
  ["PUT", "/-/user/org.couchdb.user:carol"],
];

describe.each(ROUTES)("the body of %s %s", (method, path) => {
  const send = (body: string | Buffer, headers: Record<string, string> = {}) =>
    registry.request(path, { method, body, headers: { "content-type": "application/json", ...headers } });
  test.each<[string, string | Buffer, Record<string, string>]>([
    ["8 MiB of brackets in brotli", brotliCompressSync(brackets), { "content-encoding": "br" }],
    ["8 MiB of brackets in gzip", gzipSync(brackets), { "content-encoding": "gzip" }],
    ["nesting without end", "[".repeat(100), {}],
    ["a number without end", "1".repeat(4_000), {}],
    ["one string of 8 MiB", `"${"s".repeat(8 * MiB)}"`, {}],
    ["millions of values", `[${"1,".repeat(2 * MiB)}1]`, {}],
    ["a key twice", '{"a":1,"\\u0061":2}', {}],
    ["__proto__", '{"a":{"__proto__":{}}}', {}],
    ["two values", '"1.0.0" "1.0.0"', {}],
    ["nothing", " ", {}],
  ])("can't be %s", async (_, body, headers) => {
    expect([400, 413]).toContain((await send(body, headers)).status);
    expect(registry.failures).toEqual([]);
  });
});

test.each([
  ["as it is", {}],
  ["as gzip", { "content-encoding": "gzip" }],
])(
  "the rest of a body that is refused, sent %s, is read, so that its connection can be used again",
  async (_, headers) => {
    const pieces = Array.from({ length: 20 }, () => Buffer.alloc(64 * 1024, "x"));
    let ended = false;
    const body = new ReadableStream({
      pull(controller) {
        const piece = pieces.pop();
        if (piece) return controller.enqueue(piece);
        ended = true;
        controller.close();
      },
    });
    const init = { method: "PUT", body, headers, duplex: "half" } as RequestInit;
    expect((await registry.request("/wire", init)).status).toBe(400);
    await vi.waitFor(() => expect(ended).toBe(true));
  },
);

describe("a compressed body", () => {
  const send = (text: string) =>
    registry.request("/wire", { method: "PUT", body: gzipSync(text), headers: { "content-encoding": "gzip" } });
  test("is refused once it is a hundred times what was sent", async () => {
    const response = await send(`{"a":[${`"${"s".repeat(MiB)}",`.repeat(7)}"s"]}`);
    expect(response.status).toBe(413);
    expect(await response.text()).toContain("100 times its size");
  });
  test("may be any number of times what was sent while it is small", async () => {
    const readme = "s".repeat(200_000);
    expect((await send(JSON.stringify(publishBody("wire", "2.0.0", { top: { readme } })))).status).toBe(201);
  });
});
