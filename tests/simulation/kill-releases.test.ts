import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { seededRandom } from "@codebox/testing";
import { historyOf, publish, publishBody, putTag, type LoggedEvent } from "../support/load.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";
import { seeds } from "../support/seeds.ts";

const PACKAGES = ["cable", "clip", "fuse", "plug", "wire"] as const;
const SENDERS = 4;
/** The server is killed after so many answers, at most. */
const ANSWERS_MAX = 20;
/** On a busy machine. */
const TIMEOUT_MS = 300_000;

/** A release with a tag of its own, or a version that no other publishes. `status` 0: no answer came. */
type Sent = { readonly mark: string; readonly names: readonly string[]; status: number };

async function send(registry: Registry, release: Sent): Promise<void> {
  const { mark, names } = release;
  const packages = names.map((name) =>
    mark.startsWith("r-") ? { name, "dist-tags": { [mark]: "1.0.0" } } : publishBody(name, mark, "next"),
  );
  try {
    const answer = await registry.fetch("/-/v1/releases", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ packages }),
    });
    await answer.arrayBuffer();
    release.status = answer.status;
  } catch (error) {
    // The server was killed, and the answer with it.
    if (!(error instanceof TypeError)) throw error;
  }
}

test.each(seeds(6))(
  "kill -9 in the middle of releases: each is in all of its packages or in none, with its events, and no package waits for long (seed %i)",
  async (seed) => {
    await using dir = await scratch();
    const random = seededRandom(seed);
    const data = join(dir.path, "data");
    const first = await startRegistry(data);
    for (const name of PACKAGES) await publish(first, name, "1.0.0");

    const sent: Sent[] = [];
    const last = 1 + Math.floor(random() * ANSWERS_MAX);
    let killed: Promise<unknown> | undefined;
    const sender = async () => {
      while (!killed) {
        const names = PACKAGES.filter(() => random() < 0.6);
        if (names.length === 0) continue;
        const number = sent.length;
        const release: Sent = { mark: number % 3 === 0 ? `2.0.${number}` : `r-${number}`, names, status: 0 };
        sent.push(release);
        await send(first, release);
        if (sent.filter(({ status }) => status !== 0).length >= last) killed ??= first.kill();
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
    await killed;

    const registry = await startRegistry(data, ["--no-upstream"], first.token);
    // Behind everything that was queued.
    for (const name of PACKAGES) expect((await putTag(registry, name, "settled", "1.0.0")).status).toBe(200);
    const shown = new Map<string, readonly string[]>();
    const ids = new Map<string, readonly string[]>();
    for (const name of PACKAGES) {
      const packument = (await (await registry.fetch(`/${name}`)).json()) as Record<"dist-tags" | "versions", object>;
      shown.set(name, [...Object.keys(packument["dist-tags"]), ...Object.keys(packument.versions)]);
      ids.set(
        name,
        (await historyOf(registry, name)).map(({ id }) => id),
      );
    }
    for (const { mark, names, status } of sent) {
      const showing = names.filter((name) => shown.get(name)?.includes(mark));
      expect([0, names.length], `${mark} is in ${showing.join()} of ${names.join()}`).toContain(showing.length);
      if (status === 201) expect(showing, `${mark} was answered as released`).toEqual(names);
      else if (status !== 0) expect(showing, `${mark} was answered with ${status}`).toEqual([]);
      for (const name of mark.startsWith("r-") ? [] : showing)
        expect((await registry.fetch(`/${name}/-/${name}-${mark}.tgz`)).status).toBe(200);
    }
    expect(await registry.stop()).toBe(0);
    const events = (await readFile(join(data, "events.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LoggedEvent);
    for (const name of PACKAGES) {
      const own = events.filter((event) => event.name === name);
      expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, index) => index + 1));
      expect(own.map(({ id }) => id).toReversed()).toEqual(ids.get(name));
    }
  },
  TIMEOUT_MS,
);
