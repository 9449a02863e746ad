import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { CLIENTS } from "../support/clients.ts";
import { publish } from "../support/load.ts";
import { readToken, ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";

/** Changes that are queued and answered before they are applied: a stop has something to drain. */
async function queueThirty(registry: Pick<Registry, "fetch">): Promise<void> {
  const init = { method: "PUT", body: '"1.0.0"', headers: { prefer: "respond-async" } };
  const tags = Array.from({ length: 30 }, (_, index) => `/-/package/wire/dist-tags/t-${index}`);
  const accepted = await Promise.all(tags.map((path) => registry.fetch(path, init)));
  expect(accepted.every(({ status }) => status === 202)).toBe(true);
}
const eventsIn = async (data: string) => (await readFile(join(data, "events.jsonl"), "utf8")).trim().split("\n");

/** `npm start` as a group of processes of its own, as a terminal and a service manager start it. */
async function npmStart(data: string) {
  const child = spawn(process.execPath, [CLIENTS.npm, "start", "--", "--port", "0", "--no-upstream", "--data", data], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], HOME: data, npm_config_update_notifier: "false" },
  });
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const { pid } = child;
  if (pid === undefined) throw new Error("npm did not start");
  const messages: string[] = [];
  const started = Promise.withResolvers<{ readonly url: string; readonly tokenFile: string }>();
  const lines = createInterface(child.stdout).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const entry = JSON.parse(line) as { event?: string; msg?: string; url: string; tokenFile: string };
    if (entry.event === "listening") started.resolve(entry);
    messages.push(entry.msg ?? "");
  });
  const ended = once(lines, "close");
  exited.then(() => started.reject(new Error("npm start ended")));
  const { url, tokenFile } = await started.promise;
  const token = await readToken(tokenFile);
  return {
    pid,
    url,
    token,
    /** All that was logged, once npm has ended. */
    async logged() {
      await exited;
      // What npm left behind holds the pipe open: it is ended, and seen by what it did not log.
      if (isAlive(-pid)) process.kill(-pid, "SIGKILL");
      await ended;
      return messages;
    },
    process: child,
    data,
    fetch: (path: string, init: RequestInit = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
      }),
    stop: async () => null,
    kill: async () => {},
  } satisfies Registry & { pid: number; logged(): Promise<string[]> };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a stop", () => {
  test("of npm start by SIGTERM to npm applies what was accepted, and leaves no process behind", async () => {
    await using dir = await scratch();
    const registry = await npmStart(dir.path);
    await publish(registry, "wire", "1.0.0");
    await queueThirty(registry);
    process.kill(registry.pid, "SIGTERM");
    expect(await registry.logged()).toContain("stopped");
    expect(await eventsIn(dir.path)).toHaveLength(31);
  });
  test("of npm start by Ctrl-C, which the server gets twice, from the terminal and from npm, does so too", async () => {
    await using dir = await scratch();
    const registry = await npmStart(dir.path);
    await publish(registry, "wire", "1.0.0");
    await queueThirty(registry);
    process.kill(-registry.pid, "SIGINT");
    expect(await registry.logged()).toContain("stopped");
    expect(await eventsIn(dir.path)).toHaveLength(31);
  });
  test.each(["stdout", "stderr"] as const)("ends also when nobody reads its %s any more", async (stream) => {
    await using dir = await scratch();
    const registry = await startRegistry(dir.path);
    registry.process[stream]?.destroy();
    await publish(registry, "wire", "1.0.0");
    await queueThirty(registry);
    expect(await registry.stop()).toBe(0);
    expect(await eventsIn(dir.path)).toHaveLength(31);
  });
  test("ends also when its last words are the first that nobody reads", async () => {
    await using dir = await scratch();
    const registry = await startRegistry(dir.path);
    registry.process.stdout?.destroy();
    expect(await registry.stop()).toBe(0);
  });
  test("cuts an upload off that does not end, drains, and exits with 0", async () => {
    await using dir = await scratch();
    const registry = await startRegistry(dir.path);
    await publish(registry, "wire", "1.0.0");
    const socket = connect(Number(new URL(registry.url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `PUT /half HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${registry.token}\r\n` +
        'content-type: application/json\r\ncontent-length: 100000\r\nexpect: 100-continue\r\n\r\n{"_id":"half",',
    );
    // The server says that it reads the body.
    await once(socket, "data");
    await queueThirty(registry);
    expect(await registry.stop()).toBe(0);
    expect(await eventsIn(dir.path)).toHaveLength(31);
  });
});
