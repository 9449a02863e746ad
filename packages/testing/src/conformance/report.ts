import { styleText } from "node:util";
import Table from "cli-table3";
import type { Result } from "./check.ts";

/** Where a report is written. */
export type Sink = { readonly isTTY?: boolean | undefined; write(text: string): unknown };

export type Report = {
  start(url: string, seed: string): void;
  add(result: Result): void;
  /** The summary, with the reasons of skipped checks. Returns the process's exit code. */
  end(): 0 | 1;
};

/** A table with colour on a terminal, JSON lines in a pipe. */
export function createReport(sink: Sink, env: Readonly<Record<string, string | undefined>>): Report {
  const results: Result[] = [];
  const counts = () => {
    const count = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length;
    return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
  };
  const line = (text: string) => sink.write(`${text}\n`);
  if (sink.isTTY !== true)
    return {
      start: (url, seed) => line(JSON.stringify({ url, seed })),
      add(result) {
        results.push(result);
        line(JSON.stringify(result));
      },
      end() {
        line(JSON.stringify({ summary: true, ...counts(), skippedFor: reasons(results) }));
        return counts().failed === 0 ? 0 : 1;
      },
    };
  const style = (format: "green" | "red" | "yellow", text: string) =>
    (env["NO_COLOR"] ?? "") === "" ? styleText(format, text, { validateStream: false }) : text;
  const coloured = { passed: "green", failed: "red", skipped: "yellow" } as const;
  return {
    start: (url, seed) => line(`Checking ${url} (seed ${seed})`),
    add(result) {
      results.push(result);
      sink.write(style(coloured[result.outcome], { passed: ".", failed: "F", skipped: "s" }[result.outcome]));
    },
    end() {
      const table = new Table({ head: ["rules", "check", "outcome", "ms"], style: { head: [], border: [] } });
      for (const { ids, title, outcome, milliseconds } of results)
        table.push([ids.join(" "), title, style(coloured[outcome], outcome), milliseconds]);
      line(`\n${table.toString()}`);
      for (const { ids, title, outcome, reason } of results)
        if (outcome === "failed") line(`${style("red", "failed")} ${ids.join(" ")}: ${title}\n  ${reason ?? ""}`);
      const { passed, failed, skipped } = counts();
      line(`${passed} passed, ${failed} failed, ${skipped} skipped`);
      for (const [reason, ids] of Object.entries(reasons(results)))
        line(`${style("yellow", "skipped")} ${ids.join(" ")}: ${reason}`);
      return failed === 0 ? 0 : 1;
    },
  };
}

/** Reason → the rules that were skipped for it. */
function reasons(results: readonly Result[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { outcome, reason = "", ids } of results)
    if (outcome === "skipped") found[reason] = [...new Set([...(found[reason] ?? []), ...ids])];
  return found;
}
