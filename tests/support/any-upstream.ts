import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Every tarball of the upstream has these bytes. */
export const UPSTREAM_BYTES = randomBytes(300_000);
const integrity = `sha512-${createHash("sha512").update(UPSTREAM_BYTES).digest("base64")}`;

/** An upstream that has every package whose name begins with `left-`, at version 1.0.0. */
export async function startUpstream(): Promise<AsyncDisposable & { readonly url: string; stop(): void }> {
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (!path.startsWith("/left-")) return void response.writeHead(404).end();
    if (path.endsWith(".tgz")) return void response.end(UPSTREAM_BYTES);
    const name = decodeURIComponent(path.slice(1));
    const dist = { tarball: `${url}/${name}/-/${name}-1.0.0.tgz`, integrity };
    const versions = { "1.0.0": { name, version: "1.0.0", dist } };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url, stop, [Symbol.asyncDispose]: async () => stop() };
}
