import { styleText } from "node:util";
import Table from "cli-table3";

/** A stream that text is written to: the process's own, or a test's. */
type Sink = { readonly isTTY?: boolean | undefined; write(text: string): unknown };
export type Sinks = { readonly stdout: Sink; readonly stderr: Sink };
type Style = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

/** What a command prints: for people on a terminal, or for programs that read a pipe. */
export type Output = {
  /** Whether a person looks: colour, tables and progress. Otherwise every record is a JSON line. */
  readonly terminal: boolean;
  /** One record. On a terminal `human` is shown, or nothing when there is none. */
  record(record: object, human?: string): void;
  /** The last line: what became of all of it. A terminal gets a table of two columns. */
  summary(summary: Readonly<Record<string, string | number | boolean>>): void;
  /** Many things alike: a table, or a JSON line each. */
  table(rows: readonly Readonly<Record<string, string | number>>[], columns: readonly string[]): void;
  /** What is being done; overwritten by what comes next. Terminals only. */
  progress(text: string): void;
  /** For a person, whatever the output is: goes to stderr. */
  note(text: string): void;
  style(style: Style, text: string): string;
};

/**
 * Where a command's words go.
 *
 * @example createOutput(process).record({ package: "wire" }, "wire: rewritten");
 */
export function createOutput({ stdout, stderr }: Sinks, env: Readonly<Record<string, string | undefined>>): Output {
  const terminal = stdout.isTTY === true;
  const colour = terminal && (env["NO_COLOR"] ?? "") === "";
  let shown = false;
  const clear = () => {
    if (shown) stdout.write("\r\u001b[2K");
    shown = false;
  };
  const print = (text: string) => {
    clear();
    stdout.write(`${text}\n`);
  };
  const style = (name: Style, text: string) => (colour ? styleText(name, text, { validateStream: false }) : text);
  return {
    terminal,
    style,
    record(record, human) {
      if (!terminal) print(JSON.stringify(record));
      else if (human !== undefined) print(human);
    },
    summary(summary) {
      if (!terminal) return print(JSON.stringify({ summary: true, ...summary }));
      const table = new Table({ style: plain, chars: quiet });
      for (const [name, value] of Object.entries(summary)) table.push([style("dim", name), String(value)]);
      print(table.toString());
    },
    table(rows, columns) {
      if (!terminal) return rows.forEach((row) => print(JSON.stringify(row)));
      const table = new Table({ head: columns.map((column) => style("bold", column)), style: plain });
      for (const row of rows) table.push(columns.map((column) => String(row[column] ?? "")));
      print(table.toString());
    },
    progress(text) {
      if (!terminal) return;
      clear();
      stdout.write(text.slice(0, 100));
      shown = true;
    },
    note(text) {
      clear();
      stderr.write(`${text}\n`);
    },
  };
}

/** The colours are ours: cli-table3 would use its own whether they are wanted or not. */
const plain = { head: [], border: [] };
const quiet = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: " ",
};

/** Reports what could not be done, for which package or object, and how to fix it. */
export function reportFailed(
  output: Output,
  what: { readonly package: string } | { readonly key: string },
  problem: string,
  fix: string,
): void {
  const [name] = Object.values(what);
  output.record({ ...what, problem, fix }, `${output.style("red", "failed")} ${name}: ${problem}\n       → ${fix}`);
}

/** Reports an object that S3 refused, and returns what to add to a walk's totals. */
export function tellRefused(output: Output, key: string, problem: string): { readonly failed: number } {
  reportFailed(
    output,
    { key },
    problem,
    "see to the rights (docs/operations.md), or to the object, and run this again",
  );
  return { failed: 1 };
}

/** @example bytes(5_242_880) // "5.0 MiB" */
export function bytes(count: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
