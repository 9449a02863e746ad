// `npm run bench`: compares codebox with verdaccio, in one run on one machine. Writes docs/benchmarks.md.
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { syncMs } from "./disk.ts";
import { reportOf, type Comparison, type Summary } from "./report.ts";
import { startCodebox, startVerdaccio, type Contender } from "./servers.ts";
import { measure, prepare, ROWS, tagsPresent, type Measured } from "./workload.ts";

const { values: flags } = parseArgs({
  options: { seconds: { type: "string", default: "5" }, "no-report": { type: "boolean", default: false } },
});
const seconds = Number(flags.seconds);
const CONNECTIONS = [1, 16, 64];
const WARM_UP_SECONDS = 1;
const STARTS = 5;

const say = (entry: Record<string, unknown>) => {
  if (process.stdout.isTTY) process.stdout.write(`${Object.values(entry).join("  ")}\n`);
  else process.stdout.write(`${JSON.stringify(entry)}\n`);
};

/** Starts a server several times and returns the median start-up time. Stops every instance except the last. */
async function started(start: () => Promise<Contender>): Promise<{ contender: Contender; startMs: number }> {
  const times: number[] = [];
  for (;;) {
    const contender = await start();
    times.push(contender.startMs);
    if (times.length === STARTS)
      return { contender, startMs: times.toSorted((a, b) => a - b)[Math.floor(STARTS / 2)] ?? 0 };
    await contender.stop();
  }
}

async function compare(ours: Contender, theirs: Contender): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const row of ROWS) {
    for (const connections of CONNECTIONS) {
      const results = new Map<Contender, Measured>();
      // The server that is measured first alternates from row to row. Only one is under load at a time.
      const order = comparisons.length % 2 === 0 ? [ours, theirs] : [theirs, ours];
      for (const contender of order) {
        await measure(contender, row, connections, WARM_UP_SECONDS);
        const measured = await measure(contender, row, connections, seconds);
        results.set(contender, measured);
        say({ row: row.title, connections, server: contender.name, ...measured });
      }
      comparisons.push({
        title: row.title,
        connections,
        ours: results.get(ours) as Measured,
        theirs: results.get(theirs) as Measured,
      });
    }
  }
  return comparisons;
}

async function summary(contender: Contender, startMs: number, idleMb: number): Promise<Summary> {
  return { startMs, idleMb, loadedMb: contender.residentMb(), tags: await tagsPresent(contender) };
}

const first = await started(startCodebox);
const second = await started(startVerdaccio);
try {
  const idle = [first.contender.residentMb(), second.contender.residentMb()] as const;
  await prepare(first.contender);
  await prepare(second.contender);
  const comparisons = await compare(first.contender, second.contender);
  const ours = await summary(first.contender, first.startMs, idle[0]);
  const theirs = await summary(second.contender, second.startMs, idle[1]);
  say({ server: "codebox", ...ours });
  say({ server: "verdaccio", ...theirs });
  const report = reportOf(comparisons, ours, theirs, { seconds, syncMs: await syncMs() });
  if (!flags["no-report"]) await writeFile(new URL("../docs/benchmarks.md", import.meta.url), report);
} finally {
  await first.contender.stop();
  await second.contender.stop();
}
