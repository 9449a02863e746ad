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
  /** Of a figure. */
  readonly seconds: number;
  /** What the disk takes to write and sync a change, in milliseconds. */
  readonly syncMs: number;
};

/** docs/benchmarks.md: figures, how they came about, and which row is not ahead. */
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

Ours beside verdaccio 6.10.4, in one run on one machine that they share with the load: ${os.availableParallelism()} cores,
Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}. Figures of different machines do not compare; the ratio does.

    npm run bench

A package of 20 versions, tarballs of some 200 bytes, ${seconds} s a figure after a warm-up. Tag PUTs move 64 tags, each to another
version every time. Ours are durable when they are answered: each waits for a sync of the disk, which took ${syncMs.toFixed(2)} ms here
(median; changes that wait together share one); verdaccio does not ask for one. Requests a second (p50 / p99 in ms; *n*
failed, where any did):

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
  if (behind.length === 0) return "Ahead in every row.";
  const why = behind.includes(LONE_PUT)
    ? ` ${LONE_PUT}: a change that comes alone has nobody to share its sync with.`
    : "";
  return `Not ahead: ${behind.join("; ")}.${why}`;
}

function line({ title, connections, ours, theirs }: Comparison): string {
  return `| ${title} | ${connections} | ${figure(ours)} | ${figure(theirs)} | ${(ours.perSecond / theirs.perSecond).toFixed(1)} × |`;
}

function figure({ perSecond, p50, p99, failed }: Measured): string {
  return `${perSecond} (${p50} / ${p99}${failed > 0 ? `; *${failed}* failed` : ""})`;
}
