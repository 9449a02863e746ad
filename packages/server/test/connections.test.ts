import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { createApp, readJson, routeGroup } from "@codebox/api";
import { manualClock, openPolicy } from "@codebox/testing";
import type { TokenStore } from "@codebox/core";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { boundConnections } from "../src/connections.ts";
import { openListener, type Listener } from "../src/listener.ts";

let listener: Listener;
let received: number;

beforeEach(async () => {
  received = 0;
  const routes = routeGroup("public", (on) => {
    on.put("/-/refused", (c) => c.json({ error: "no" }, 401));
    on.put("/-/read", async (c) => {
      received++;
      return c.json({ got: await readJson(c, 1_000) });
    });
    on.get("/-/plain", (c) => c.text("ok"));
  });
  const tokens = { find: async () => undefined } as unknown as TokenStore;
  const clock = manualClock();
  const app = createApp({ clock, policy: openPolicy, tokens }, {}, [routes]);
  const log = pino({ level: "silent" });
  listener = await openListener({
    direct: async () => undefined,
    fetch: app.fetch,
    host: "127.0.0.1",
    port: 0,
    log,
    clock,
  });
});
afterEach(() => listener.close());

/** A connection, and all that came on it so far. */
async function open(): Promise<{ socket: Socket; seen: { text: string; ended: boolean } }> {
  const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
  const seen = { text: "", ended: false };
  socket.on("data", (chunk: Buffer) => (seen.text += chunk.toString()));
  socket.on("end", () => (seen.ended = true));
  socket.on("error", () => {});
  await once(socket, "connect");
  return { socket, seen };
}
const put = (path: string, length: number) =>
  `PUT ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${length}\r\n\r\n`;

describe("an answer before the body has arrived", () => {
  test.each(["/-/refused", "/-/read"])(
    "is the last one of its connection, and the client sees it: %s",
    async (path) => {
      const { socket, seen } = await open();
      socket.write(`${put(path, 50_000_000)}${"x".repeat(1_000)}`);
      await vi.waitFor(() => expect(seen.ended).toBe(true));
      expect(seen.text).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(seen.text.toLowerCase()).toContain("\r\nconnection: close\r\n");
      socket.destroy();
    },
  );
  test("is seen by a client that is still sending", async () => {
    const { socket, seen } = await open();
    socket.write(put("/-/refused", 20_000_000));
    socket.write(Buffer.alloc(20_000_000, 120));
    await vi.waitFor(() => expect(seen.text).toMatch(/^HTTP\/1\.1 401 /));
    socket.destroy();
  });
  test("leaves no request of the same client behind: the next one has a new connection", async () => {
    for (let round = 0; round < 20; round++) {
      const init = { method: "PUT", body: "x".repeat(2_000_000) };
      expect((await fetch(`${listener.url}/-/refused`, init)).status).toBe(401);
      expect((await fetch(`${listener.url}/-/plain`)).status).toBe(200);
    }
  });
});

test("a body that was read to its end leaves the connection open", async () => {
  const { socket, seen } = await open();
  for (const count of [1, 2]) {
    socket.write(`${put("/-/read", 7)}"hello"`);
    await vi.waitFor(() => expect(seen.text.split('{"got":"hello"}')).toHaveLength(count + 1));
  }
  expect([received, seen.ended]).toEqual([2, false]);
  socket.destroy();
});
test("an address has a bounded number of connections, and others again when some end", async () => {
  const server = createServer((_, response) => response.end("ok"));
  boundConnections(server, 3);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const connectTo = () => connect(port, "127.0.0.1").on("error", () => {});
  const many = Array.from({ length: 5 }, connectTo);
  await vi.waitFor(() => expect(many.filter((socket) => socket.closed)).toHaveLength(2));
  for (const socket of many) socket.destroy();
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200));
  server.closeAllConnections();
  server.close();
});
