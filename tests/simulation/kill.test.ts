import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answered, publish, putTag, type Answer, type HistoryEntry, type LoggedEvent } from "../support/load.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

const SEEDS = 50;
const TAGS = 40;
const VERSIONS = 6;

/** Kills the server once `after` answers have come in, in the middle of the rest. */
async function underFire(registry: Registry, round: number, after: number): Promise<Answer[]> {
  let count = 0;
  let killed: Promise<void> | undefined;
  const counting = async (answer: Promise<Answer>): Promise<Answer> => {
    const known = await answer;
    if (answered(known) && ++count === after) killed = registry.kill();
    return known;
  };
  const work = [
    ...Array.from({ length: TAGS }, (_, index) => putTag(registry, "wire", `r${round}-t${index}`, "1.0.0")),
    ...Array.from({ length: VERSIONS }, (_, index) =>
      publish(registry, "wire", `${round + 2}.0.${index}`, `r${round}-v${index}`),
    ),
  ].map(counting);
  const answers = await Promise.all(work);
  await (killed ?? registry.kill());
  return answers;
}

/** Waits until nothing is queued: a change put behind all others has been answered. */
async function settled(registry: Registry, round: number): Promise<void> {
  const last = await putTag(registry, "wire", `settled-${round}`, "1.0.0");
  expect(answered(last)).toBe(true);
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  "kill -9 in the middle of the load: no answered change is missing, none is applied twice, each has its event (seed %i)",
  async (seed) => {
    await using dir = await scratch();
    const data = join(dir.path, "data");
    let registry = await startRegistry(data);
    const { token } = registry;
    await publish(registry, "wire", "1.0.0");

    const answers = await underFire(registry, seed, 1 + ((seed * 7) % (TAGS + VERSIONS - 1)));
    registry = await startRegistry(data, ["--no-upstream"], token);
    await settled(registry, seed);

    const packument = (await (await registry.fetch("/wire")).json()) as {
      "dist-tags": Record<string, string>;
      versions: Record<string, unknown>;
    };
    for (const { what } of answers.filter(answered)) {
      const present = what in packument["dist-tags"] || what in packument.versions;
      expect(present, `${what} was answered with success`).toBe(true);
      if (what in packument.versions) expect((await registry.fetch(`/wire/-/wire-${what}.tgz`)).status).toBe(200);
    }
    const { history } = (await (await registry.fetch("/-/package/wire/history")).json()) as { history: HistoryEntry[] };
    const ids = history.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const applied =
      Object.keys(packument.versions).length +
      Object.keys(packument["dist-tags"]).filter((tag) => /-t|settled/.test(tag)).length;
    expect(ids).toHaveLength(applied);
    expect(await registry.stop()).toBe(0);

    const events = (await readFile(join(data, "events.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LoggedEvent);
    expect(events.map(({ sequence }) => sequence)).toEqual(ids.map((_, index) => index + 1));
    expect(events.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  },
);
