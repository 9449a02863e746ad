import { once } from "node:events";
import { createServer, request as send, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that went through the recorder, and its answer. */
export type Exchange = {
  readonly method: string;
  /** As it was on the wire: an encoded slash stays encoded. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** 0: no answer came. */
  readonly status: number;
  readonly type: string;
  readonly body: string;
};
export type Recorder = {
  readonly url: string;
  /** What was recorded since the last call. */
  take(): readonly Exchange[];
  /**
   * The registry applies the next PUT of a package, but its connection breaks before the answer. The client gets a 503, as from a
   * proxy.
   */
  loseNextPut(): void;
  close(): void;
};

/**
 * A reverse proxy that records what a client sends. The Host header stays the recorder's, so that the registry's URLs lead
 * through it.
 *
 * @example const recorder = await startRecorder(registry.url);
 */
export async function startRecorder(target: string): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  let losesNextPut = false;
  const server = createServer((incoming, outgoing) => {
    const { method = "GET", url: path = "/", headers } = incoming;
    const record = (status: number, type = "", body = "") =>
      void exchanges.push({ method, path, headers, status, type, body });
    const passed = send(new URL(target), { method, path, headers }, (answer) => {
      const status = answer.statusCode ?? 0;
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const body = answer.headers["content-encoding"] ? "(compressed)" : Buffer.concat(chunks).toString();
        record(status, answer.headers["content-type"], body);
      });
      outgoing.writeHead(status, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    if (losesNextPut && method === "PUT") {
      losesNextPut = false;
      passed.on("error", () => {});
      passed.on("finish", async () => {
        passed.destroy();
        await appears(`${target}${path}`);
        record(0);
        outgoing.writeHead(503, { "content-type": "application/json" }).end('{"error":"the answer is lost"}');
      });
    } else passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => exchanges.splice(0),
    loseNextPut: () => void (losesNextPut = true),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Waits until there is something at this URL. */
async function appears(url: string): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    if (answer.ok) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`nothing appears at ${url}`);
}
