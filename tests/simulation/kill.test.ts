import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { answered, publish, putTag, type Answer, type HistoryEntry, type LoggedEvent } from "../support/load.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

const SEEDS = 50;
/** Writers at a time, each sending its next change when the last was answered: at every instant changes stand in every phase. */
const WRITERS = 12;
/** Kept under the ring's 256, so that the history shows every change. */
const CHANGES_MAX = 200;

/** Sends changes from many writers, and kills the server once `after` of them are answered, in the middle of the rest. */
async function underFire(registry: Registry, after: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  let sent = 0;
  let killed: Promise<void> | undefined;
  const next = (): Promise<Answer> => {
    const number = sent++;
    return number % 8 === 7
      ? publish(registry, "wire", `2.0.${number}`, `v-${number}`)
      : putTag(registry, "wire", `t-${number}`, "1.0.0");
  };
  const writer = async () => {
    while (!killed && sent < CHANGES_MAX) {
      answers.push(await next());
      if (answers.filter(answered).length >= after) killed ??= registry.kill();
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  await killed;
  return answers;
}

/** Waits until nothing is queued: a change put behind all others has been answered. */
async function settled(registry: Registry): Promise<void> {
  const last = await putTag(registry, "wire", "t-settled", "1.0.0");
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

    const answers = await underFire(registry, 1 + ((seed * 37) % (CHANGES_MAX - 2 * WRITERS)));
    registry = await startRegistry(data, ["--no-upstream"], token);
    await settled(registry);

    const packument = (await (await registry.fetch("/wire")).json()) as {
      "dist-tags": Record<string, string>;
      versions: Record<string, unknown>;
    };
    expect(
      answers.some((answer) => !answered(answer)),
      "the kill came in the middle",
    ).toBe(true);
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
      Object.keys(packument["dist-tags"]).filter((tag) => tag.startsWith("t-")).length;
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
