import os from "node:os";
import process from "node:process";
import type { Measured } from "./workload.ts";

export type Comparison = {
  readonly title: string;
  readonly connections: number;
  readonly ours: Measured;
  readonly theirs: Measured;
};
export type Summary = {
  readonly startMs: number;
  readonly idleMb: number;
  readonly loadedMb: number;
  readonly tags: string;
};

export type Conditions = {
  /** Duration of the measurement of one figure, in seconds. */
  readonly seconds: number;
  /** Time that the disk needs to write and sync a change, in milliseconds. */
  readonly syncMs: number;
};

/** docs/benchmarks.md: the figures, how they were measured, and the rows in which codebox is not faster. */
export function reportOf(
  comparisons: readonly Comparison[],
  ours: Summary,
  theirs: Summary,
  conditions: Conditions,
): string {
  const { seconds, syncMs } = conditions;
  const behind = comparisons
    .filter((row) => row.ours.perSecond <= row.theirs.perSecond)
    .map((row) => `${row.title} at ${row.connections}`);
  if (ours.startMs >= theirs.startMs) behind.push("start-up");
  if (ours.idleMb >= theirs.idleMb) behind.push("memory, idle");
  if (ours.loadedMb >= theirs.loadedMb) behind.push("memory, after the load");
  return `# Benchmarks

codebox compared with verdaccio 6.10.4, in one run on one machine, which also runs the load generator: ${os.availableParallelism()} cores,
Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}. Do not compare figures from different machines; compare the ratios.

    npm run bench

The package has 20 versions, with tarballs of about 200 bytes. Each figure is measured for ${seconds} s after a warm-up. The tag PUTs move 64
tags, each to another version every time. codebox answers a PUT when the change is durable: each change waits for a sync of the disk,
which took ${syncMs.toFixed(2)} ms here (median; changes that wait at the same time share one sync). verdaccio does not sync. The figures are
requests a second (p50 / p99 in ms; *n* failed, if any did):

| | connections | codebox | verdaccio | ratio |
|---|---|---|---|---|
${comparisons.map(line).join("\n")}

| | codebox | verdaccio |
|---|---|---|
| start-up (median of five, to the first answered ping) | ${ours.startMs} ms | ${theirs.startMs} ms |
| resident memory, idle | ${ours.idleMb} MiB | ${theirs.idleMb} MiB |
| resident memory, after the load | ${ours.loadedMb} MiB | ${theirs.loadedMb} MiB |
| tags present afterwards | ${ours.tags} | ${theirs.tags} |

${verdict(behind)}
`;
}

const LONE_PUT = "PUT dist-tag at 1";

function verdict(behind: readonly string[]): string {
  if (behind.length === 0) return "codebox is faster or smaller in every row.";
  const why = behind.includes(LONE_PUT)
    ? ` ${LONE_PUT}: a change without concurrent changes can't share its sync.`
    : "";
  return `codebox is not faster or smaller in: ${behind.join("; ")}.${why}`;
}

function line({ title, connections, ours, theirs }: Comparison): string {
  return `| ${title} | ${connections} | ${figure(ours)} | ${figure(theirs)} | ${(ours.perSecond / theirs.perSecond).toFixed(1)} × |`;
}

function figure({ perSecond, p50, p99, failed }: Measured): string {
  return `${perSecond} (${p50} / ${p99}${failed > 0 ? `; *${failed}* failed` : ""})`;
}
