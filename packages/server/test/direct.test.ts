import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Direct } from "@codebox/api";
import pino from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isDirect, sendDirect } from "../src/direct.ts";

const TARBALL = "/wire/-/wire-1.0.0.tgz";
const PIECE = Buffer.alloc(256 * 1024, "x");
const PIECES = 200;
const SIZE = PIECES * PIECE.length;

let server: Server;
let direct: Direct;
const logged: string[] = [];
beforeEach(async () => {
  logged.length = 0;
  const write = (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg);
  const log = pino({ level: "info" }, { write });
  server = createServer((incoming, response) => {
    const sent = isDirect(incoming) ? sendDirect(direct, incoming, response, log) : Promise.resolve(false);
    void sent.then((done) => done || response.writeHead(404).end("the app"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});

async function get(path: string, method = "GET"): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const sent = request({ host: "127.0.0.1", port, path, method }).on("error", () => {});
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response.on("error", () => {});
}

/** A body that counts the pieces that were taken of it. */
function body() {
  const state = { taken: 0, ended: false };
  async function* pieces() {
    try {
      while (state.taken < PIECES) {
        state.taken++;
        yield PIECE;
      }
    } finally {
      state.ended = true;
    }
  }
  direct = async () => ({ headers: { "content-length": SIZE }, size: SIZE, body: pieces() });
  return state;
}

test("bytes at hand are sent as they are", async () => {
  async function* unread(): AsyncGenerator<Uint8Array> {}
  direct = async () => ({ headers: { "content-length": 3 }, size: 3, bytes: Buffer.from("abc"), body: unread() });
  expect(Buffer.concat(await Array.fromAsync(await get(TARBALL))).toString()).toBe("abc");
});
test("a body is read at the pace of its client, and sent to its end", async () => {
  const state = body();
  const response = await get(TARBALL);
  // The client reads nothing yet: no more is taken than the buffers of the connection hold.
  expect(state.taken).toBeLessThan(PIECES);
  expect(Buffer.concat(await Array.fromAsync(response))).toHaveLength(SIZE);
  expect(state).toEqual({ taken: PIECES, ended: true });
});
test("the body is closed when its client goes away", async () => {
  const state = body();
  (await get(TARBALL)).destroy();
  await vi.waitFor(() => expect(state.ended).toBe(true));
  await vi.waitFor(() => expect(logged).toEqual(["a client went away before the end of its tarball"]));
});
test("a body that can't be read ends the connection, and is logged", async () => {
  async function* broken() {
    yield PIECE;
    throw new Error("a damaged file");
  }
  direct = async () => ({ headers: { "content-length": SIZE }, size: SIZE, body: broken() });
  await expect(Array.fromAsync(await get(TARBALL))).rejects.toThrow("aborted");
  expect(logged).toEqual(["an answer broke off"]);
});
test("what direct does not answer, and what is no tarball, is the app's", async () => {
  direct = async () => undefined;
  expect((await get(TARBALL)).statusCode).toBe(404);
  direct = () => Promise.reject(new Error("the app finds it too"));
  expect((await get(TARBALL)).statusCode).toBe(404);
  body();
  expect((await get("/wire")).statusCode).toBe(404);
  expect((await get(TARBALL, "PUT")).statusCode).toBe(404);
});
