import os from "node:os";
import process from "node:process";
import { NAMES, type Name } from "./contenders.ts";
import { round, type Part, type Row, type Value } from "./rows.ts";

export type Result = { readonly part: Part; readonly rows: readonly Row[]; readonly failure?: string };

export type Conditions = {
  readonly command: string;
  /** Duration of the measurement of one rate, in seconds. */
  readonly seconds: number;
  /** Time that the disk needs to write and sync a change, in milliseconds. */
  readonly syncMs: number;
  readonly load: string;
  /** Peers that are not in this run, with the reason. */
  readonly missing: readonly string[];
};

/** docs/benchmarks.md: the figures, how they were measured, and the rows in which codebox is not ahead of verdaccio. */
export function reportOf(results: readonly Result[], conditions: Conditions): string {
  const { command, seconds, syncMs, load, missing } = conditions;
  return `# Benchmarks

codebox beside verdaccio 6.10.4, nginx with one worker, and a bare \`node:http\` server, in one run on one machine, which also runs the
load (${load}): ${os.availableParallelism()} cores, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}. Do not compare figures from
different machines; compare the ratios. ${missing.join(" ")}

    ${command}

Rates are measured for ${seconds} s after a warm-up, one server at a time. To write and sync a change takes this disk ${syncMs.toFixed(2)} ms
(median). Behind a figure are the p50 and p99 of its requests in milliseconds. The last column is how often codebox is faster, or
needs less, than verdaccio.

![How often each server is faster than verdaccio](benchmarks.svg)

${results.map(section).join("\n")}
## Growth

How much more an operation costs when the package, the tarball or the registry is 10 times as large: 1 is no more, 10 is in proportion.

${growth(results)}

${behind(results)}
`;
}

function section({ part, rows, failure }: Result): string {
  const names = NAMES.filter((name) => rows.some(({ values }) => values[name]));
  const head = ["", "unit", ...names, "codebox : verdaccio"];
  const lines = rows.map((row) => [
    row.title,
    row.unit,
    ...names.map((name) => shown(row.values[name])),
    ratioText(ratioOf(row, "codebox", "verdaccio")),
  ]);
  const failed = failure === undefined ? "" : `\nThis part was not finished: ${failure}\n`;
  return `## ${part.title}\n\n${part.about}\n${failed}\n${rows.length === 0 ? "" : table(head, lines)}\n`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function shown(value: Value | undefined): string {
  if (!value) return "";
  const times =
    value.p99 === undefined ? "" : ` (${[value.p50, value.p99].filter((time) => time !== undefined).join(" / ")})`;
  return `${value.figure}${times}${value.failed ? ` *${value.failed} failed*` : ""}`;
}

/** How often one server is better than another in a row. */
export function ratioOf({ values, unit }: Row, one: Name, other: Name): number | undefined {
  const [a, b] = [values[one]?.figure, values[other]?.figure];
  if (a === undefined || b === undefined || a === 0 || b === 0) return undefined;
  return unit === "req/s" ? a / b : b / a;
}

const ratioText = (ratio: number | undefined) => (ratio === undefined ? "" : `${round(ratio)} ×`);

/** The cost at 10 times the size, from each size to the next larger one of a series. */
function growth(results: readonly Result[]): string {
  const lines = results.flatMap(({ rows }) =>
    [
      ...Map.groupBy(
        rows.filter(({ series }) => series),
        ({ series }) => series?.name,
      ),
    ].flatMap(([name = "", same]) => same.slice(1).map((row, index) => growthLine(name, same[index] ?? row, row))),
  );
  const present = NAMES.filter((_, at) => lines.some((cells) => cells[at + 2] !== ""));
  return table(
    ["operation", "from, to", ...present],
    lines.map((cells) => [...cells.slice(0, 2), ...present.map((name) => cells[NAMES.indexOf(name) + 2] ?? "")]),
  );
}

function growthLine(name: string, small: Row, large: Row): string[] {
  const [from = 1, to = 1] = [small.series?.size, large.series?.size];
  const cells = NAMES.map((server) => {
    const [a, b] = [small.values[server]?.figure, large.values[server]?.figure];
    if (!a || !b) return "";
    const times = large.unit === "req/s" ? a / b : b / a;
    return `${round(times ** (1 / Math.log10(to / from)))} ×`;
  });
  return [name, `${from.toLocaleString("en")}, ${to.toLocaleString("en")}`, ...cells];
}

function behind(results: readonly Result[]): string {
  const rows = results.flatMap(({ part, rows: all }) =>
    all.filter((row) => (ratioOf(row, "codebox", "verdaccio") ?? 2) <= 1).map((row) => `${part.title}: ${row.title}`),
  );
  return rows.length === 0
    ? "codebox is ahead of verdaccio in every row that both have."
    : `codebox is not ahead of verdaccio in: ${rows.join("; ")}.`;
}
