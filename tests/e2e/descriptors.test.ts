import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { expect, test, vi } from "vitest";
import { publish } from "../support/load.ts";
import { scratch, startRegistry } from "../support/registry.ts";

const DESCRIPTORS = 96;
const TARBALL = "/large/-/large-1.0.0.tgz";

test.skipIf(process.platform === "win32")(
  "without free file descriptors, what needs one is 503, everything else works, and so does the rest once there are some",
  async () => {
    await using dir = await scratch();
    const registry = await startRegistry(dir.path, ["--no-upstream"], undefined, DESCRIPTORS);
    const files = { "data.bin": randomBytes(600_000) };
    expect((await publish(registry, "large", "1.0.0", "latest", files)).status).toBe(201);
    expect((await publish(registry, "small", "1.0.0")).status).toBe(201);
    // One connection that is kept open: nobody can open another one.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statusOf = async (path: string): Promise<number | undefined> => {
      const sent = request(`${registry.url}${path}`, { agent }).end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
      return response.statusCode;
    };
    expect(await statusOf("/-/ping")).toBe(200);

    const sockets = await exhaust(registry.url);
    expect(await statusOf(TARBALL)).toBe(503);
    const others = ["/-/ping", "/large", "/small", "/small/-/small-1.0.0.tgz"];
    for (const path of others) expect([path, await statusOf(path)]).toEqual([path, 200]);

    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect(await statusOf(TARBALL)).toBe(200));
    expect((await publish(registry, "large", "1.1.0", "latest", files)).status).toBe(201);
    expect((await registry.fetch("/-/health")).status).toBe(200);
    agent.destroy();
    expect(await registry.stop()).toBe(0);
  },
);

/** Opens connections until the server closes them because it has no descriptor for more. */
async function exhaust(url: string): Promise<readonly Socket[]> {
  const { port, hostname } = new URL(url);
  const sockets: Socket[] = [];
  let refused = 0;
  while (refused === 0) {
    expect(sockets.length).toBeLessThan(2 * DESCRIPTORS);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.once("close", () => refused++);
    sockets.push(socket);
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sockets;
}
