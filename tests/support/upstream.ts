import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeTarball } from "@codebox/testing";

/** Another registry, with one package: `left@1.0.0`. */
export async function startUpstream(): Promise<AsyncDisposable & { readonly url: string }> {
  const { bytes, integrity } = makeTarball({ name: "left", version: "1.0.0" });
  const server = createServer((request, response) => {
    if (request.url?.endsWith(".tgz")) return void response.end(bytes);
    if (request.url !== "/left") return void response.writeHead(404).end("{}");
    const tarball = `http://${request.headers.host}/left/-/left-1.0.0.tgz`;
    const manifest = { name: "left", version: "1.0.0", dist: { integrity, tarball } };
    const document = { name: "left", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": manifest } };
    response.setHeader("content-type", "application/json").end(JSON.stringify(document));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
