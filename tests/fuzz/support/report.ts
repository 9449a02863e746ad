import { styleText } from "node:util";
import Table from "cli-table3";
import type { Progress } from "../worker.ts";

type Sink = { readonly isTTY?: boolean | undefined; write(text: string): unknown };

export type Report = {
  start(seed: number): void;
  /** What an area has done so far. */
  progress(area: string, progress: Progress): void;
  /** The summary. Returns the process's exit code. */
  end(): 0 | 1;
};

/** Milliseconds between two lines in a pipe. */
const PIPE_MS = 10_000;

/** A line that moves and a table at the end on a terminal, JSON lines in a pipe. */
export function createReport(sink: Sink, env: Readonly<Record<string, string | undefined>>): Report {
  const areas = new Map<string, Progress>();
  let written = Number.NEGATIVE_INFINITY;
  const isTerminal = sink.isTTY === true;
  const line = (text: string) => sink.write(`${text}\n`);
  const isColoured = (env["NO_COLOR"] ?? "") === "";
  const style = (format: "green" | "red", text: string) =>
    isColoured ? styleText(format, text, { validateStream: false }) : text;
  const failed = () => [...areas].filter(([, { failure }]) => failure !== undefined);
  return {
    start: (seed) => line(isTerminal ? `Fuzzing from seed ${seed}` : JSON.stringify({ seed })),
    progress(area, progress) {
      areas.set(area, progress);
      if (!isTerminal) {
        const isLast = progress.done ?? progress.failure !== undefined;
        if (!isLast && performance.now() - written < PIPE_MS) return;
        written = performance.now();
        return void line(JSON.stringify({ area, ...progress }));
      }
      const { cases, seed, longestTurn } = progress;
      sink.write(`\r\u001b[K${area}: ${cases} cases, seed ${seed}, longest turn ${Math.round(longestTurn)} ms`);
    },
    end() {
      const code = failed().length === 0 ? 0 : 1;
      if (!isTerminal) {
        line(JSON.stringify({ summary: true, failed: failed().map(([area]) => area) }));
        return code;
      }
      const head = ["area", "outcome", "seeds", "cases", "longest turn, ms", "peak heap, MiB"];
      const table = new Table({ head, style: { head: [], border: [] } });
      for (const [area, { failure, seeds, cases, longestTurn, peakHeap }] of areas) {
        const outcome = failure === undefined ? style("green", "holds") : style("red", "broken");
        table.push([area, outcome, seeds, cases, Math.round(longestTurn), Math.round(peakHeap / 1024 / 1024)]);
      }
      line(`\r\u001b[K${table.toString()}`);
      for (const [area, { failure }] of failed()) line(`\n${style("red", area)}\n${failure}`);
      return code;
    },
  };
}
