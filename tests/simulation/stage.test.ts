import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { historyOf, publish } from "../support/load.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";
import { seeds } from "../support/seeds.ts";

/** Staged at a time; the server is killed while some of them are approved. */
const VERSIONS = Array.from({ length: 8 }, (_, index) => `2.0.${index}`);

function staging(version: string) {
  const { bytes, integrity, shasum } = makeTarball({ name: "wire", version });
  const attachment = { content_type: "application/octet-stream", data: bytes.toString("base64"), length: bytes.length };
  return JSON.stringify({
    _id: "wire",
    name: "wire",
    "dist-tags": { [`v${version.replaceAll(".", "-")}`]: version },
    versions: { [version]: { name: "wire", version, dist: { integrity, shasum } } },
    _attachments: { [`wire-${version}.tgz`]: attachment },
  });
}

type Item = { readonly id: string; readonly version: string };

const post = (registry: Registry, path: string, body?: string) =>
  registry.fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
/** The status of an answer; `undefined`: there was none, or it was broken off. */
const statusOf = async (request: Promise<Response>): Promise<number | undefined> => {
  try {
    const response = await request;
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    // The server was killed, and the answer with it.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
};
const waiting = async (registry: Registry) =>
  ((await (await registry.fetch("/-/stage?page=0&perPage=100")).json()) as { items: readonly Item[] }).items;

test.each(seeds(6))(
  "kill -9 between staging and approval: what was staged is approved once, with its bytes (seed %i)",
  async (seed) => {
    await using dir = await scratch();
    const data = join(dir.path, "data");
    let registry = await startRegistry(data);
    const { token } = registry;
    await publish(registry, "wire", "1.0.0");
    for (const version of VERSIONS)
      expect((await post(registry, "/-/stage/package/wire", staging(version))).status).toBe(201);
    await registry.kill();

    registry = await startRegistry(data, ["--no-upstream"], token);
    const items = await waiting(registry);
    expect(items.map(({ version }) => version)).toEqual(VERSIONS);
    const killed = registry;
    const approved = new Set<string>();
    let answered = 0;
    await Promise.all(
      items.map(async ({ id, version }) => {
        if ((await statusOf(post(killed, `/-/stage/${id}/approve`))) === 201) approved.add(version);
        if (++answered === 1 + (seed % VERSIONS.length)) await killed.kill();
      }),
    );

    registry = await startRegistry(data, ["--no-upstream"], token);
    // Behind all that was accepted before the kill.
    await publish(registry, "wire", "1.1.0");
    const left = await waiting(registry);
    for (const { version } of left) expect(approved, `${version} was answered as approved`).not.toContain(version);
    for (const { id } of left) expect((await post(registry, `/-/stage/${id}/approve`)).status).toBe(201);
    for (const { id } of items) expect((await post(registry, `/-/stage/${id}/approve`)).status).toBe(404);

    const history = await historyOf<{ type: string; versions?: string[] }>(registry, "wire");
    const published = history.filter(({ type }) => type === "publish").flatMap(({ versions = [] }) => versions);
    expect(published.toSorted()).toEqual(["1.0.0", "1.1.0", ...VERSIONS]);
    for (const version of VERSIONS) {
      const tarball = await registry.fetch(`/wire/-/wire-${version}.tgz`);
      expect(Buffer.from(await tarball.arrayBuffer()).equals(makeTarball({ name: "wire", version }).bytes)).toBe(true);
    }
    expect(await waiting(registry)).toEqual([]);
    expect(await registry.stop()).toBe(0);
  },
  120_000,
);
