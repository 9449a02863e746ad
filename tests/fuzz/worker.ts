// One area of `npm run fuzz`, in a process of its own: its heap has a bound, and it reports as it goes.
import process from "node:process";
import { AREAS } from "./areas/index.ts";
import { runArea, type Area, type Watch } from "./support/area.ts";
import { longestTurn } from "./support/turns.ts";

export type Order = {
  readonly area: string;
  readonly seed: number;
  readonly path?: string | undefined;
  readonly ms: number;
};
/** Counts of an area so far. `failure` or `done`: it has ended. */
export type Progress = {
  /** The seed under way. */
  readonly seed: number;
  /** Seeds that are complete. */
  readonly seeds: number;
  readonly cases: number;
  /** Milliseconds of processor time. */
  readonly longestTurn: number;
  /** Bytes. */
  readonly peakHeap: number;
  readonly failure?: string;
  readonly done?: true;
};

/** A request under one MiB may block the event loop for so many milliseconds of processor time. */
const TURN_MS = 100;
/** A slow case counts when it is slow every time: the first time may have compiled code, or collected garbage. */
const TRIES = 4;
/** Cases of one seed. */
const CASES = 200;
/** Milliseconds between two reports. */
const REPORT_MS = 1_000;

process.once("message", (order: Order) => void work(order));

async function work({ area: name, seed: first, path, ms }: Order): Promise<void> {
  const area = AREAS.find((candidate) => candidate.name === name);
  if (!area) throw new Error(`there is no area ${name}`);
  const end = performance.now() + ms;
  const counts = { seed: first, seeds: 0, cases: 0, longestTurn: 0, peakHeap: 0 };
  let reported = performance.now();
  const report = (more: Partial<Progress> = {}) => {
    reported = performance.now();
    process.send?.({ ...counts, ...more } satisfies Progress);
  };
  const measured = measuring(area, (turn) => {
    counts.cases++;
    counts.longestTurn = Math.max(counts.longestTurn, turn);
    counts.peakHeap = Math.max(counts.peakHeap, process.memoryUsage().heapUsed);
    if (performance.now() - reported > REPORT_MS) report();
  });
  report();
  try {
    do {
      await runArea(measured, { seed: counts.seed, path, runs: path === undefined ? CASES : 1 });
      counts.seeds++;
      counts.seed++;
    } while (path === undefined && performance.now() < end);
    report({ done: true });
  } catch (error) {
    report({ failure: error instanceof Error ? error.message : String(error) });
  }
  process.disconnect();
}

/** The area with one more rule: no case blocks the event loop. `onCase` gets the longest turn of each case. */
function measuring(area: Area, onCase: (turn: number) => void): Area {
  return {
    ...area,
    async check(input) {
      let least = Number.POSITIVE_INFINITY;
      for (let time = 0; time < TRIES && least > TURN_MS; time++) {
        let longest = 0;
        const watch: Watch = async (piece) => {
          const { turn, value } = await longestTurn(piece);
          longest = Math.max(longest, turn);
          return value;
        };
        await area.check(input, watch);
        least = Math.min(least, longest);
      }
      onCase(least);
      if (least > TURN_MS) throw new Error(`it blocks the event loop for ${Math.round(least)} ms`);
    },
  };
}
