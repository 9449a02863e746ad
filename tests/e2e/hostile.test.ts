import { existsSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { digested, makeArchive } from "@codebox/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

const MiB = 1024 * 1024;
const AUDIT = "/-/npm/v1/security/advisories/bulk";
/** A small heap, so that what holds too much memory ends the server. */
const SMALL_HEAP = ["--max-old-space-size=256", "--max-semi-space-size=1"];

let directory: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
beforeEach(async () => {
  directory = await scratch();
  registry = await startRegistry(directory.path, ["--no-upstream"], undefined, undefined, SMALL_HEAP);
});
afterEach(async () => {
  await registry.kill();
  await directory[Symbol.asyncDispose]();
});

const isAlive = () => registry.process.exitCode === null && registry.process.signalCode === null;

/** Sends the beginning of a body and keeps the connection. */
function beginBody(method: string, path: string, begun: Buffer, headers: Record<string, string> = {}): Socket {
  const { hostname, port } = new URL(registry.url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  socket.resume();
  const lines = Object.entries({ host: hostname, "content-length": String(30 * MiB), ...headers });
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map((line) => `${line.join(": ")}\r\n`).join("")}\r\n`);
  socket.write(begun);
  return socket;
}

/** A server that answers at once, and computes in slices of 30 ms between two answers: how long that takes is the machine's doing. */
const REFERENCE = `
  const { createServer } = require("node:http");
  const compute = () => {
    for (const end = performance.now() + 30; performance.now() < end;);
    setImmediate(compute);
  };
  const server = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1", () => {
    require("node:worker_threads").parentPort.postMessage(server.address().port);
    compute();
  });
`;

/** Milliseconds that each of some pings took, sorted. */
async function pings(until: () => boolean, url = `${registry.url}/-/ping`): Promise<number[]> {
  const times: number[] = [];
  while (!until() || times.length < 50) {
    const start = performance.now();
    expect((await fetch(url)).status).toBe(200);
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times.toSorted((a, b) => a - b);
}

describe.skipIf(!existsSync("/proc/self/status"))("the memory of the server (skipped where there is no /proc)", () => {
  const rssMiB = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${registry.process.pid}/status`, "utf8"))?.[1]) / 1024;
  const text = Buffer.from(`{"left":["${"1".repeat(900 * 1024)}",`);
  const strangers = () => [
    ...Array.from({ length: 10 }, () => beginBody("POST", AUDIT, text, { "content-length": String(MiB) })),
    ...Array.from({ length: 10 }, () => beginBody("PUT", "/wire", Buffer.alloc(8 * MiB, '{"a":"x'))),
  ];
  /** Until all that was sent is taken, or its connection is closed. */
  const taken = (sockets: readonly Socket[]) =>
    vi.waitFor(() => expect(sockets.every((socket) => socket.destroyed || socket.writableLength === 0)).toBe(true), {
      timeout: 60_000,
    });

  test("rises by less than 20 MiB under 20 slow uploads of callers without a token", async () => {
    // The first ones load code, and make the heap as large as any request does.
    for (let round = 0; round < 3; round++) {
      const first = strangers();
      await taken(first);
      for (const socket of first) socket.destroy();
      await pings(() => true);
    }
    const before = rssMiB();
    const sockets = strangers();
    await taken(sockets);
    await pings(() => true);
    const rise = rssMiB() - before;
    for (const socket of sockets) socket.destroy();
    console.info(`${before.toFixed(1)} MiB before, ${rise.toFixed(1)} MiB more under 20 slow uploads`);
    expect(rise).toBeLessThan(20);
  });
});

describe("a heap of 256 MiB", { timeout: 300_000 }, () => {
  /** A document whose attachment is a gzip of zeros. */
  const bomb = () => {
    const { bytes, integrity, shasum } = digested(gzipSync(makeArchive({ "package/a": Buffer.alloc(300 * MiB) })));
    return JSON.stringify({
      name: "wire",
      versions: { "1.0.0": { name: "wire", version: "1.0.0", dist: { integrity, shasum } } },
      "dist-tags": { latest: "1.0.0" },
      _attachments: { "wire-1.0.0.tgz": { data: bytes.toString("base64"), length: bytes.length } },
    });
  };
  const plain = (body: string) => ({ body: Buffer.from(body) });
  const encoded = (body: string, encoding: "br" | "gzip") => ({
    body: encoding === "br" ? brotliCompressSync(body) : gzipSync(body),
    headers: { "content-encoding": encoding },
  });
  type Hostile = { readonly body: Buffer; readonly headers?: Record<string, string> };
  const BODIES: Readonly<Record<string, () => Hostile>> = {
    "8 MiB of brackets in brotli": () => encoded("[".repeat(8 * MiB), "br"),
    "8 MiB of brackets in gzip": () => encoded("[".repeat(8 * MiB), "gzip"),
    "millions of empty arrays": () => plain(`[${"[],".repeat(4 * MiB)}[]]`),
    "millions of values in gzip": () => encoded(`[${"1,".repeat(8 * MiB)}1]`, "gzip"),
    "one string of 24 MiB": () => plain(`"${"s".repeat(24 * MiB)}"`),
    "many long strings": () => plain(`[${`"${"s".repeat(MiB)}",`.repeat(24)}"s"]`),
    "half a million names": () =>
      plain(JSON.stringify(Object.fromEntries(Array.from({ length: 500_000 }, (_, at) => [`n${at}`, ["1"]])))),
    "a tarball of zeros": () => plain(bomb()),
  };
  const ROUTES = [
    ["PUT", "/wire"],
    ["POST", AUDIT],
  ] as const;

  test("survives hostile bodies while another client's ping is answered", async () => {
    // Made before the pings: making them blocks this process.
    const bodies = Object.values(BODIES).map((make) => make());
    const reference = new Worker(REFERENCE, { eval: true });
    const [port] = (await once(reference, "message")) as [number];
    let ended = false;
    const measured = Promise.all([pings(() => ended), pings(() => ended, `http://127.0.0.1:${port}/`)]);
    const send = async (method: string, path: string, isNamed: boolean, { body, headers }: Hostile) => {
      const init = { method, body, headers: { "content-type": "application/json", ...headers } };
      // A body that is refused before it is sent completely may break its connection off.
      const answer = await (isNamed ? registry.fetch(path, init) : fetch(`${registry.url}${path}`, init)).catch(
        () => {},
      );
      if (answer) expect([400, 401, 413, 429]).toContain(answer.status);
    };
    try {
      for (const hostile of bodies) {
        const sent = ROUTES.flatMap(([method, path]) =>
          [true, false].map((named) => send(method, path, named, hostile)),
        );
        await Promise.all(sent);
      }
    } finally {
      ended = true;
    }
    const [busy, compared] = await measured;
    await reference.terminate();
    const at = (times: readonly number[], part: number) => times[Math.ceil(times.length * part) - 1] ?? 0;
    const [ours, other] = [at(busy, 0.95), at(compared, 0.95)];
    console.info(`19 of 20 pings: ${ours.toFixed(1)} ms, of the reference ${other.toFixed(1)} ms`);
    expect(isAlive()).toBe(true);
    expect(ours).toBeLessThan(Math.max(100, 4 * other));
  });
  test("survives an upstream whose packuments decompress to 200 MiB each", async () => {
    const bombOf = (name: string) => {
      const head = `{"name":"${name}","dist-tags":{},"versions":{"1.0.0":{"name":"${name}","version":"1.0.0","readme":"`;
      return gzipSync(Buffer.concat([Buffer.from(head), Buffer.alloc(200 * MiB, "0"), Buffer.from('"}}}')]), {
        level: 1,
      });
    };
    const names = ["bomb-a", "bomb-b", "bomb-c", "bomb-d", "bomb-e", "bomb-f"];
    const bombs = new Map(names.map((name) => [`/${name}`, bombOf(name)]));
    const upstream = createServer((request, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
      response.end(bombs.get(request.url ?? ""));
    }).listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    await registry.kill();
    registry = await startRegistry(directory.path, ["--upstream", url], registry.token, undefined, SMALL_HEAP);
    try {
      const answers = await Promise.all(names.map((name) => fetch(`${registry.url}/${name}`)));
      for (const answer of answers) {
        expect(answer.status).toBe(502);
        expect(await answer.text()).toMatch(/CODEBOX_UPSTREAM_PACKUMENT_MB|too much of it is being read/);
      }
      await pings(() => true);
      expect(isAlive()).toBe(true);
      if (!existsSync("/proc/self/status")) return;
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${registry.process.pid}/status`, "utf8"))?.[1]);
      console.info(`the server had at most ${Math.round(peak / 1024)} MiB`);
      expect(peak).toBeLessThan(1024 * 1024);
    } finally {
      upstream.closeAllConnections();
      upstream.close();
    }
  });
  test("survives 40 unfinished documents of callers with a token", async () => {
    const document = Buffer.from(`{"versions":[${`{"a":["${"x".repeat(200)}",{}]},`.repeat(100_000)}`);
    const headers = { authorization: `Bearer ${registry.token}` };
    const sockets = Array.from({ length: 40 }, () => beginBody("PUT", "/wire", document, headers));
    await vi.waitFor(
      () => expect(sockets.every((socket) => socket.destroyed || socket.writableLength === 0)).toBe(true),
      { timeout: 100_000 },
    );
    await pings(() => true);
    expect(isAlive()).toBe(true);
    for (const socket of sockets) socket.destroy();
    // What they held is free again.
    await vi.waitFor(async () => {
      const tags = await registry.fetch("/-/package/wire/dist-tags", { method: "PUT", body: '{"latest":"1.0.0"}' });
      expect(tags.status).toBe(404);
    });
  });
});
