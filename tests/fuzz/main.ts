// `npm run fuzz`: every area for some minutes, each in a process with a bounded heap.
import { fork } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { AREAS } from "./areas/index.ts";
import { newSeed } from "./support/area.ts";
import { createReport, type Report } from "./support/report.ts";
import type { Order, Progress } from "./worker.ts";

/** MiB. A request under one MiB must be possible in it, whatever it holds. */
const HEAP_MIB = 256;

const NAMES = AREAS.map(({ name }) => name);
const USAGE = `Usage: npm run fuzz -- [flags]

  --area <name>     only this one: ${NAMES.join(", ")}
  --minutes <n>     how long all areas run together (7)
  --help

FUZZ_SEED=<n> is the first seed. With FUZZ_PATH=<path> and --area, only that case of the seed runs.
A terminal gets a table; a pipe gets JSON lines. Exit code 1: a rule is broken; 2: wrong use.
`;

const { area, minutes, seed, path } = readOptions();
const chosen = AREAS.filter(({ name }) => area === undefined || name === area);
const report = createReport(process.stdout, process.env);
report.start(seed);
for (const { name } of chosen) await run({ area: name, seed, path, ms: (minutes * 60_000) / chosen.length }, report);
process.exitCode = report.end();

function readOptions() {
  const { FUZZ_SEED, FUZZ_PATH } = process.env;
  const options = { area: { type: "string" }, minutes: { type: "string" }, help: { type: "boolean" } } as const;
  const { area: name, minutes: text = "7", help } = flags();
  if (help === true) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (name !== undefined && !NAMES.includes(name)) fail(`there is no area "${name}"`);
  if (!(Number(text) > 0)) fail("--minutes takes a number above 0");
  if (FUZZ_SEED !== undefined && !/^\d{1,10}$/.test(FUZZ_SEED)) fail("FUZZ_SEED must be a whole number");
  if (FUZZ_PATH !== undefined && (FUZZ_SEED === undefined || name === undefined))
    fail("FUZZ_PATH needs FUZZ_SEED and --area");
  return {
    area: name,
    minutes: Number(text),
    seed: FUZZ_SEED === undefined ? newSeed() : Number(FUZZ_SEED),
    path: FUZZ_PATH,
  };

  function flags() {
    try {
      return parseArgs({ args: process.argv.slice(2), options }).values;
    } catch (error) {
      return fail(error instanceof Error ? error.message : String(error));
    }
  }
}

function fail(problem: string): never {
  process.stderr.write(`${problem}\n\n${USAGE}`);
  process.exit(2);
}

/** Runs one area to its end. A process that dies has broken a rule too: its heap was full, or nobody handled an error. */
async function run(order: Order, { progress }: Report): Promise<void> {
  const child = fork(join(import.meta.dirname, "worker.ts"), [], {
    execArgv: [`--max-old-space-size=${HEAP_MIB}`],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let errors = "";
  child.stderr?.on("data", (piece: Buffer) => {
    errors = (errors + piece.toString()).slice(-4_000);
  });
  let last: Progress = { seed: order.seed, seeds: 0, cases: 0, longestTurn: 0, peakHeap: 0 };
  child.on("message", (message: Progress) => {
    last = message;
    progress(order.area, last);
  });
  child.send(order);
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("close", () => resolve());
  await promise;
  if (last.done ?? last.failure) return;
  const again = `FUZZ_SEED=${last.seed} npm run fuzz -- --area ${order.area}`;
  progress(order.area, {
    ...last,
    failure: `the process ended, with a heap of at most ${HEAP_MIB} MiB: ${errors}\nrun it again: ${again}`,
  });
}
