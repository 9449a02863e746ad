import { createRequire } from "node:module";
import { makeTarball } from "@codebox/testing";
import type autocannonFunction from "autocannon";
import type { Contender } from "./servers.ts";

// Installed by `npm run bench` into bench/node_modules only.
const autocannon = createRequire(import.meta.url)("autocannon") as typeof autocannonFunction;

const PACKAGE = "bench-wire";
const VERSIONS = Array.from({ length: 20 }, (_, index) => `1.${index}.0`);
/** Tags that the PUTs move; each request moves one to another version. */
const TAGS = 64;
const ABBREVIATED = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

export type Row = { readonly title: string; readonly request: (contender: Contender) => Request };
type Request = {
  readonly method?: "PUT";
  readonly path: () => string;
  readonly body?: () => string;
  readonly headers: Record<string, string>;
};
export type Measured = {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
};

const signedIn = ({ token }: Contender) => ({ authorization: `Bearer ${token}` });
let counter = 0;

export const ROWS: readonly Row[] = [
  {
    title: "PUT dist-tag",
    request: (contender) => ({
      method: "PUT",
      path: () => `/-/package/${PACKAGE}/dist-tags/tag-${counter++ % TAGS}`,
      body: () => JSON.stringify(VERSIONS[Math.floor(counter / TAGS) % VERSIONS.length]),
      headers: { ...signedIn(contender), "content-type": "application/json" },
    }),
  },
  {
    title: "GET packument, signed in",
    request: (contender) => ({ path: () => `/${PACKAGE}`, headers: { ...signedIn(contender), accept: ABBREVIATED } }),
  },
  {
    title: "GET packument, anonymous",
    request: () => ({ path: () => `/${PACKAGE}`, headers: { accept: ABBREVIATED } }),
  },
  { title: "GET dist-tags", request: () => ({ path: () => `/-/package/${PACKAGE}/dist-tags`, headers: {} }) },
  { title: "GET tarball", request: () => ({ path: () => `/${PACKAGE}/-/${PACKAGE}-1.0.0.tgz`, headers: {} }) },
];

/** Publishes the package that the rows use. */
export async function prepare(contender: Contender): Promise<void> {
  for (const version of VERSIONS) {
    const { bytes, integrity, shasum } = makeTarball({ name: PACKAGE, version });
    const response = await fetch(`${contender.url}/${PACKAGE}`, {
      method: "PUT",
      headers: { ...signedIn(contender), "content-type": "application/json" },
      body: JSON.stringify({
        _id: PACKAGE,
        name: PACKAGE,
        "dist-tags": { latest: version },
        versions: {
          [version]: {
            name: PACKAGE,
            version,
            description: "a wire",
            dependencies: { other: "^1.0.0" },
            readme: "# wire",
            dist: { integrity, shasum, tarball: `${contender.url}/${PACKAGE}/-/${PACKAGE}-${version}.tgz` },
          },
        },
        _attachments: {
          [`${PACKAGE}-${version}.tgz`]: {
            content_type: "application/octet-stream",
            data: bytes.toString("base64"),
            length: bytes.length,
          },
        },
      }),
    });
    if (!response.ok)
      throw new Error(`${contender.name} refused ${version}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
}

/** Sends one row's requests to one server. */
export async function measure(contender: Contender, row: Row, connections: number, seconds: number): Promise<Measured> {
  const { method = "GET", path, body, headers } = row.request(contender);
  const result = await autocannon({
    url: contender.url,
    connections,
    duration: seconds,
    requests: [
      { method, headers, setupRequest: (request) => ({ ...request, path: path(), ...(body ? { body: body() } : {}) }) },
    ],
  });
  return {
    perSecond: Math.round(result.requests.average),
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors,
  };
}

/** Counts how many of the written tags exist. */
export async function tagsPresent(contender: Contender): Promise<string> {
  const tags = (await (await fetch(`${contender.url}/-/package/${PACKAGE}/dist-tags`)).json()) as Record<
    string,
    string
  >;
  return `${Object.keys(tags).filter((tag) => tag.startsWith("tag-")).length} of ${TAGS}`;
}
