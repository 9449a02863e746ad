import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeTarball } from "@codebox/testing";

/** Packages of the upstream. `left` has an advisory. */
const UPSTREAM_PACKAGES = ["left", "@other/left"] as const;

export type TestUpstream = {
  readonly url: string;
  /** Whether it answers audits. When it does not, it answers 404, as many registries do. */
  answersAudits: boolean;
  close(): void;
};

/** Another registry, for the packages that are not ours. Its packuments name tarballs at a host that answers nothing. */
export async function startTestUpstream(): Promise<TestUpstream> {
  const tarballs = new Map(UPSTREAM_PACKAGES.map((name) => [name as string, makeTarball({ name, version: "1.0.0" })]));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url?.split("?")[0] ?? "/");
    const [name = "", file] = path.slice(1).split("/-/");
    const made = tarballs.get(name);
    const json = (body: unknown) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body));
    };
    if (path === "/-/npm/v1/security/advisories/bulk" && upstream.answersAudits) return json({ left: [ADVISORY] });
    if (made && file) return void response.end(made.bytes);
    if (!made) return void response.writeHead(404).end("{}");
    return json(packument(name, made));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream: TestUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answersAudits: true,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return upstream;
}

const ADVISORY = {
  id: 1,
  url: "http://127.0.0.1/advisories/1",
  title: "left leans to the left",
  severity: "high",
  vulnerable_versions: "<2.0.0",
  cwe: [],
  cvss: { score: 7, vectorString: null },
};

function packument(name: string, { integrity, shasum }: ReturnType<typeof makeTarball>): unknown {
  // Port 1 answers nothing: tarballs have to come from the configured upstream.
  const dist = { integrity, shasum, tarball: `http://127.0.0.1:1/${name}/-/left-1.0.0.tgz` };
  return {
    name,
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name, version: "1.0.0", dist } },
    // Old enough for every client's minimum age.
    time: {
      created: "2020-01-01T00:00:00.000Z",
      modified: "2020-01-01T00:00:00.000Z",
      "1.0.0": "2020-01-01T00:00:00.000Z",
    },
  };
}
