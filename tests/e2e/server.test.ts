import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { project } from "../support/clients.ts";
import { publish, putTag } from "../support/load.ts";
import { ROOT, scratch, startRegistry } from "../support/registry.ts";

describe("the server", () => {
  test("writes its token into a file that only its user can read, when stdout is no terminal", async () => {
    await using dir = await scratch();
    // Also where the directory is open to others.
    await chmod(dir.path, 0o755);
    const registry = await startRegistry(dir.path);
    const file = registry.tokenFile ?? "";
    expect(file).toBe(join(dir.path, "token-admin"));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).toBe(`${registry.token}\n`);
    await registry.stop();
    const again = await startRegistry(dir.path, ["--no-upstream", "--new-token", "admin"]);
    expect(again.token).not.toBe(registry.token);
    expect(await (await again.fetch("/-/whoami")).json()).toEqual({ username: "admin" });
    await again.stop();
  });
  test("makes one token, keeps its data over a restart, and stops cleanly", async () => {
    await using dir = await scratch();
    const first = await startRegistry(dir.path);
    expect(first.token).toMatch(/^cbx_/);
    await publish(first, "wire", "1.0.0");
    expect(await first.stop()).toBe(0);
    const bytes = await readFile(join(dir.path, "codebox.db"), "latin1");
    expect(bytes).not.toContain(first.token);
    const second = await startRegistry(dir.path, ["--no-upstream"], first.token);
    expect(second.token).toBe(first.token);
    expect(await (await second.fetch("/-/whoami")).json()).toEqual({ username: "admin" });
    expect((await second.fetch("/wire/-/wire-1.0.0.tgz")).status).toBe(200);
    await second.stop();
  });
  test("a stop applies what was accepted", async () => {
    await using dir = await scratch();
    const first = await startRegistry(dir.path);
    await publish(first, "wire", "1.0.0");
    const init = { method: "PUT", body: '"1.0.0"', headers: { prefer: "respond-async" } };
    const accepted = await Promise.all(
      Array.from({ length: 30 }, (_, index) => first.fetch(`/-/package/wire/dist-tags/t-${index}`, init)),
    );
    expect(accepted.every(({ status }) => status === 202)).toBe(true);
    expect(await first.stop()).toBe(0);
    const events = (await readFile(join(dir.path, "events.jsonl"), "utf8")).trim().split("\n");
    expect(events).toHaveLength(31);
  });
  test("a second server on the same data is refused with the reason, and so is one on a taken port", async () => {
    await using dir = await scratch();
    const first = await startRegistry(dir.path);
    await expect(startRegistry(dir.path)).rejects.toThrow("another process uses the data directory");
    const port = new URL(first.url).port;
    await expect(startRegistry(join(dir.path, "other"), ["--no-upstream", "--port", port])).rejects.toThrow(
      "the port is taken",
    );
    await first.stop();
  });
  test("a wrong setting ends it with a message and exit code 1", async () => {
    const child = spawn(process.execPath, [join(ROOT, "packages/server/src/main.ts"), "--port", "x"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, "exit")) as [number];
    expect([code, errors]).toEqual([1, expect.stringContaining("--port (or CODEBOX_PORT): must be a whole number")]);
  });
  test("events stream live, and resume behind the last one seen", async () => {
    await using dir = await scratch();
    const registry = await startRegistry(dir.path);
    await publish(registry, "wire", "1.0.0");
    const live = await openStream(`${registry.url}/-/events`);
    await putTag(registry, "wire", "next", "1.0.0");
    expect(await live.next()).toMatchObject({ type: "tag.put", sequence: 2, data: { tag: "next" } });
    const resumed = await openStream(`${registry.url}/-/events?package=wire`, { "last-event-id": "0" });
    expect([await resumed.next(), await resumed.next()]).toMatchObject([{ type: "publish" }, { type: "tag.put" }]);
    expect(await registry.stop()).toBe(0);
  });
  test("a tag set on one connection is in the next read of every other", async () => {
    await using dir = await scratch();
    const registry = await startRegistry(dir.path);
    await publish(registry, "wire", "1.0.0");
    for (let round = 0; round < 20; round++) {
      await putTag(registry, "wire", `t-${round}`, "1.0.0");
      const reads = Array.from({ length: 10 }, async () => {
        const response = await registry.fetch("/-/package/wire/dist-tags", { headers: { connection: "close" } });
        return Object.hasOwn((await response.json()) as object, `t-${round}`);
      });
      expect(await Promise.all(reads)).toEqual(Array.from({ length: 10 }, () => true));
    }
    await registry.stop();
  });
  test("packages that are not ours come from the upstream, here another registry, and are cached", async () => {
    await using dir = await scratch();
    const upstream = await startRegistry(join(dir.path, "upstream"));
    await publish(upstream, "left", "1.0.0");
    await publish(upstream, "@acme/secret", "9.0.0");
    const registry = await startRegistry(join(dir.path, "ours"), ["--upstream", upstream.url, "--scopes", "@acme"]);
    const app = await project(dir.path, registry, { name: "app", version: "1.0.0", private: true });
    const installed = await app.run("npm", "install", "left");
    expect(installed.code, installed.all).toBe(0);
    await upstream.stop();
    expect((await registry.fetch("/left/-/left-1.0.0.tgz")).status).toBe(200);
    expect((await registry.fetch("/left")).status).toBe(200);
    expect((await registry.fetch("/@acme%2fsecret")).status).toBe(404);
    await registry.stop();
  });
});

test("a tarball of 100 MB is published and read with under 400 MB resident", async () => {
  await using dir = await scratch();
  const registry = await startRegistry(dir.path);
  const { bytes, integrity } = makeTarball({
    name: "big",
    version: "1.0.0",
    files: { "random.bin": randomBytes(100 * 1024 * 1024) },
  });
  const base64 = bytes.toString("base64");
  const head = JSON.stringify({
    _id: "big",
    name: "big",
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name: "big", version: "1.0.0", dist: { integrity } } },
  }).slice(0, -1);
  const body = `${head},"_attachments":{"big-1.0.0.tgz":{"content_type":"application/octet-stream","length":${bytes.length},"data":"${base64}"}}}`;
  const response = await registry.fetch("/big", {
    method: "PUT",
    body,
    headers: { "content-type": "application/json" },
  });
  expect(response.status, await response.text()).toBe(201);
  const tarball = await registry.fetch("/big/-/big-1.0.0.tgz");
  expect(Buffer.from(await tarball.arrayBuffer()).equals(bytes)).toBe(true);
  // The most it ever was: proc(5), VmHWM, in kB.
  const peak = Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${registry.process.pid}/status`, "utf8"))?.[1]);
  expect(peak / 1024).toBeLessThan(400);
  await registry.stop();
});

/** Bytes that gzip can't shrink, the same every time. */
function randomBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, state = 1; at < size; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

async function openStream(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  const lines = response.body?.pipeThrough(new TextDecoderStream());
  if (!lines) throw new Error("no stream");
  const reader = lines.getReader();
  let text = "";
  const line = async (): Promise<string> => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end >= 0) {
        const found = text.slice(0, end);
        text = text.slice(end + 1);
        return found;
      }
      const { value, done } = await reader.read();
      if (done) throw new Error("the stream ended");
      text += value;
    }
  };
  while (!(await line()).startsWith(": connected"));
  return {
    async next(): Promise<unknown> {
      for (;;) {
        const found = await line();
        if (found.startsWith("data: ")) return JSON.parse(found.slice("data: ".length));
      }
    },
  };
}
