import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeTarball } from "@codebox/testing";

/** Another registry with `left@1.0.0`, an advisory about it, and a search that finds `left`. */
export type UpstreamRegistry = { readonly url: string; readonly asked: string[]; close(): void };

const ADVISORY = {
  id: 1,
  url: "https://advisories.example/1",
  title: "left leans too far",
  severity: "high",
  vulnerable_versions: "<2.0.0",
  cwe: ["CWE-400"],
  cvss: { score: 7.5, vectorString: null },
};
/** Old enough for every client's minimum age of a version. */
const PUBLISHED = "2020-01-01T00:00:00.000Z";

/** @example const upstream = await startUpstreamRegistry(); await startRegistry(data, ["--upstream", upstream.url]) */
export async function startUpstreamRegistry(): Promise<UpstreamRegistry> {
  const { bytes, integrity, shasum } = makeTarball({ name: "left", version: "1.0.0" });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "/";
    asked.push(`${request.method} ${path}`);
    const json = (body: unknown) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body));
    };
    const dist = { integrity, shasum, tarball: `http://${request.headers.host}/left/-/left-1.0.0.tgz` };
    const time = { created: PUBLISHED, modified: PUBLISHED, "1.0.0": PUBLISHED };
    const hit = { name: "left", version: "1.0.0", description: "leans to the left", date: PUBLISHED, links: {} };
    switch (path) {
      case "/left":
        return json({
          name: "left",
          "dist-tags": { latest: "1.0.0" },
          versions: { "1.0.0": { name: "left", version: "1.0.0", dist } },
          time,
        });
      case "/left/-/left-1.0.0.tgz":
        return void response.end(bytes);
      case "/-/npm/v1/security/advisories/bulk":
        return json({ left: [ADVISORY] });
      case "/-/v1/search":
        return json({ objects: [{ package: hit, searchScore: 1 }], total: 1 });
      default:
        return void response.writeHead(404).end("{}");
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
