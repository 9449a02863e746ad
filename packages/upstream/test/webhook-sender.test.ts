import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWebhookSender } from "../src/index.ts";

let server: Server;
let port: number;
const received: string[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    received.push(`${request.method} ${request.url} ${await text(request)} ${request.headers["webhook-id"]}`);
    if (request.url === "/away") response.writeHead(302, { location: "/hook" }).end();
    else response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});
const message = (url: string) => ({ url, headers: { "webhook-id": "id-1" }, body: "{}" });

describe("a sender of webhooks", () => {
  test("posts the message and answers the status, without following a redirect", async () => {
    const sender = createWebhookSender({ allowPrivate: true });
    expect(await sender.send(message(`http://127.0.0.1:${port}/hook`))).toEqual({ status: 204 });
    expect(await sender.send(message(`http://127.0.0.1:${port}/away`))).toEqual({ status: 302 });
    expect(received).toEqual(["POST /hook {} id-1", "POST /away {} id-1"]);
  });
  test("says why there is no answer", async () => {
    const sender = createWebhookSender({ allowPrivate: true });
    expect(await sender.send(message("http://127.0.0.1:1/hook"))).toEqual({ failure: "ECONNREFUSED" });
  });

  const PRIVATE = [
    "https://127.0.0.1",
    "https://[::1]",
    "https://169.254.169.254/latest",
    "https://10.0.0.1",
    "https://[::ffff:10.0.0.1]",
  ];
  test.each(PRIVATE)("refuses %s", async (url) => {
    const sender = createWebhookSender({ allowPrivate: false });
    expect(await sender.problem(url)).toContain("--webhook-private");
    expect(await sender.send(message(url))).toEqual({ failure: expect.stringContaining("not public") as string });
  });
  test("refuses http, and a name that resolves to a private address when the connection is made", async () => {
    const sender = createWebhookSender({ allowPrivate: false });
    expect(await sender.problem("http://receiver.example/hook")).toContain("https");
    expect(await sender.send(message("http://receiver.example/hook"))).toHaveProperty("failure");
    // As a name that was public when the webhook was added, and is not any more.
    expect(await sender.problem("https://localhost/hook")).toContain("--webhook-private");
    expect(await sender.send(message("https://localhost/hook"))).toEqual({
      failure: expect.stringContaining("not public") as string,
    });
    expect(received).toHaveLength(2);
  });
});
