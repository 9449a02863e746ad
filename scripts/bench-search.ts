// `node scripts/bench-search.ts [packages]`: how long a search holds the event loop, over an index of so many packages (50,000).
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { IndexedPackage } from "@codebox/core";
import { openSqlite } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";

const COUNT = Number(process.argv[2] ?? 50_000);
const RUNS = 30;
const WORDS = [
  "wire",
  "cable",
  "signal",
  "copper",
  "glass",
  "switch",
  "router",
  "tap",
  "relay",
  "socket",
  "frame",
  "packet",
];

/** A package like those of a team: five scopes, descriptions that share words, and keywords. */
function packageOf(at: number): IndexedPackage {
  const word = (step: number) => WORDS[Math.floor(at / step) % WORDS.length] ?? "";
  const name = `${at % 3 === 0 ? "" : `@team-${at % 5}/`}${word(1)}-${word(12)}-${at}`;
  return {
    name,
    sequence: 1,
    summary: {
      name,
      version: at % 20 === 0 ? "1.0.0-rc.1" : "1.0.0",
      description: `A package of ours that joins a ${word(7)} with a ${word(144)}, number ${at}`,
      license: "MIT",
      keywords: [word(5), word(60)],
      date: "2026-01-01T00:00:00.000Z",
      links: { homepage: `https://wire.example/${at}` },
      publisher: `user-${at % 200}`,
      maintainers: [{ name: `user-${at % 200}` }, { name: `user-${(at + 7) % 200}` }],
      stars: [],
    },
  };
}

async function* packages(): AsyncGenerator<readonly IndexedPackage[]> {
  for (let at = 0; at < COUNT; at += 20) yield Array.from({ length: 20 }, (_, step) => packageOf(at + step));
}

/** What this thread has used of its processor, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/**
 * The most time of the processor between two turns of the event loop while the work runs, the same in all, and the time until the
 * work is done, in milliseconds. Of these, the last says nothing on a machine that is busy otherwise.
 */
async function held(work: () => Promise<unknown>) {
  let longest = 0;
  let last = cpuMs();
  let ended = false;
  const turn = () => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  await new Promise((resolve) => setImmediate(resolve));
  const used = cpuMs();
  const began = performance.now();
  await work();
  ended = true;
  const now = cpuMs();
  return { longest: Math.max(longest, now - last), total: performance.now() - began, cpu: now - used };
}

const directory = await mkdtemp(join(tmpdir(), "codebox-bench-search-"));
const { searchIndex, close } = await openSqlite({ directory, clock: systemClock, onFailure: console.error });
try {
  const build = await held(() => searchIndex.rebuild(packages()));
  const { size } = await stat(join(directory, "search.db"));
  process.stdout.write(
    `built ${COUNT} in ${build.total.toFixed(0)} ms, at most ${build.longest.toFixed(1)} ms at a time, ${build.cpu.toFixed(0)} ms of cpu; ${(size / 1e6).toFixed(0)} MB\n`,
  );
  const all = () => true;
  const few = ({ name }: { readonly name: string }) => name.startsWith("@team-1/") && name.endsWith("77");
  const rows: [string, string, ({ name }: { readonly name: string }) => boolean][] = [
    ["a name", packageOf(4_321).name, all],
    ["a rare word", "4321", all],
    ["a word of a twelfth", "router", all],
    ["a word of all", "package", all],
    ["three words of all", "package of ours", all],
    ["the first letter of many", "s", all],
    ["two letters", "wi", all],
    ["an author", "author:user-7", all],
    ["a scope and a word", "scope:team-1 relay", all],
    ["a scope", "scope:team-1", all],
    ["nothing", "zzz", all],
    ["a word of all, few readable", "package", few],
  ];
  for (const [title, text, mayRead] of rows) {
    const times: Awaited<ReturnType<typeof held>>[] = [];
    for (let run = 0; run < RUNS; run++)
      times.push(await held(() => searchIndex.query({ text, from: 0, size: 20, mayRead })));
    const { total } = await searchIndex.query({ text, from: 0, size: 20, mayRead });
    const percentile = (what: "longest" | "total" | "cpu", part: number) =>
      (times.map((time) => time[what]).toSorted((a, b) => a - b)[Math.floor(part * (RUNS - 1))] ?? 0).toFixed(2);
    process.stdout.write(
      `${title.padEnd(28)} ${String(total).padStart(5)} hits  cpu ${percentile("cpu", 0.5)} ms (p98 ${percentile("cpu", 0.98)})  at a time ${percentile("longest", 0.5)} ms (p98 ${percentile("longest", 0.98)})  answered in ${percentile("total", 0.5)} ms\n`,
    );
  }
} finally {
  await close();
  await rm(directory, { recursive: true });
}
