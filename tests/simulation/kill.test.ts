import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { answered, publish, putTag, historyOf, type Answer, type LoggedEvent } from "../support/load.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";
import { seeds } from "../support/seeds.ts";
import { startUpstream, UPSTREAM_BYTES } from "../support/any-upstream.ts";

/** Writers at a time, each sending its next change when the last was answered: at every instant changes stand in every phase. */
const WRITERS = 12;
/** Kept under the ring's 256, so that the history shows every change. */
const CHANGES_MAX = 200;
/** Large enough for a file of its own. */
const LARGE = { "data.bin": randomBytes(300_000) };
/** Packages of the upstream, which are read beside the changes. */
const READ_MAX = 20;
/** A run starts two servers and sends some two hundred changes: on a busy machine that takes minutes. */
const TIMEOUT_MS = 600_000;

/**
 * Sends changes from many writers, and reads packages of the upstream. Ends the server once `after` of the changes are answered, in
 * the middle of the rest.
 */
async function underFire(registry: Registry, after: number, end: () => Promise<unknown>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let sent = 0;
  let ended: Promise<unknown> | undefined;
  const next = (): Promise<Answer> => {
    const number = sent++;
    if (number % 8 === 7) return publish(registry, "wire", `2.0.${number}`, `v-${number}`);
    if (number % 16 === 4) return publish(registry, "wire", `3.0.${number}`, `l-${number}`, LARGE);
    return putTag(registry, "wire", `t-${number}`, "1.0.0");
  };
  const writer = async () => {
    while (!ended && sent < CHANGES_MAX) {
      answers.push(await next());
      if (answers.filter(answered).length >= after) ended ??= end();
    }
  };
  const reader = async () => {
    for (let number = 0; !ended && number < READ_MAX; number++) await readUpstream(registry, number);
  };
  await Promise.all([...Array.from({ length: WRITERS }, writer), reader()]);
  expect(ended, "enough changes were answered").toBeDefined();
  await ended;
  return answers;
}

/** What the registry gives of a package of the upstream: its bytes, or nothing. Never others. */
async function readUpstream(registry: Registry, number: number): Promise<void> {
  try {
    const response = await registry.fetch(`/left-${number}/-/left-${number}-1.0.0.tgz`);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status === 200) expect(bytes.equals(UPSTREAM_BYTES)).toBe(true);
  } catch (error) {
    // The server was ended, and the answer with it.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Waits until nothing is queued: a change put behind all others has been answered. */
async function settled(registry: Registry): Promise<void> {
  const last = await putTag(registry, "wire", "t-settled", "1.0.0");
  expect(answered(last)).toBe(true);
}

/** Every file has a row, and every row that names a file has it. */
async function expectNoLeftOvers(data: string): Promise<void> {
  const database = new DatabaseSync(join(data, "codebox.db"));
  const rows = database.prepare("SELECT DISTINCT file FROM objects WHERE file IS NOT NULL").all();
  database.close();
  expect((await readdir(join(data, "blobs"))).toSorted()).toEqual(rows.map(({ file }) => String(file)).toSorted());
}

const ENDS = [
  ["kill -9", seeds(50)],
  // A stop answers what it can, and applies what it accepted.
  ["SIGTERM", seeds(4)],
] as const;

test.each(ENDS.flatMap(([name, all]) => all.map((seed) => [name, seed] as const)))(
  "%s in the middle of the load: no answered change is missing, none is applied twice, each has its event (seed %i)",
  async (name, seed) => {
    await using dir = await scratch();
    await using upstream = await startUpstream();
    const data = join(dir.path, "data");
    let registry = await startRegistry(data, ["--upstream", upstream.url]);
    const { token } = registry;
    await publish(registry, "wire", "1.0.0");

    const first = registry;
    const end = name === "kill -9" ? () => first.kill() : async () => expect(await first.stop()).toBe(0);
    const answers = await underFire(registry, 1 + ((seed * 37) % (CHANGES_MAX - 2 * WRITERS)), end);
    registry = await startRegistry(data, ["--upstream", upstream.url], token);
    await settled(registry);

    const packument = (await (await registry.fetch("/wire")).json()) as {
      "dist-tags": Record<string, string>;
      versions: Record<string, unknown>;
    };
    if (name === "kill -9")
      expect(
        answers.some((answer) => !answered(answer)),
        "the kill came in the middle",
      ).toBe(true);
    for (const { what } of answers.filter(answered)) {
      const present = what in packument["dist-tags"] || what in packument.versions;
      expect(present, `${what} was answered with success`).toBe(true);
      if (!(what in packument.versions)) continue;
      const tarball = await registry.fetch(`/wire/-/wire-${what}.tgz`);
      expect(tarball.status).toBe(200);
      const size = (await tarball.arrayBuffer()).byteLength;
      expect(size).toBe(Number(tarball.headers.get("content-length")));
    }
    const history = await historyOf(registry, "wire");
    const ids = history.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const applied =
      Object.keys(packument.versions).length +
      Object.keys(packument["dist-tags"]).filter((tag) => tag.startsWith("t-")).length;
    expect(ids).toHaveLength(applied);
    upstream.stop();
    for (let number = 0; number < READ_MAX; number++) await readUpstream(registry, number);
    expect(await registry.stop()).toBe(0);
    await expectNoLeftOvers(data);

    const events = (await readFile(join(data, "events.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LoggedEvent);
    expect(events.map(({ sequence }) => sequence)).toEqual(ids.map((_, index) => index + 1));
    expect(events.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  },
  TIMEOUT_MS,
);
