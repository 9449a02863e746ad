// `npm run bench`: codebox beside verdaccio, nginx and a bare node:http server, in one run. Writes docs/benchmarks.md and .svg.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { findNginx, ROOT } from "./contenders.ts";
import { syncMs } from "./disk.ts";
import { install } from "./parts/install.ts";
import { large } from "./parts/large.ts";
import { packuments } from "./parts/packuments.ts";
import { publishes } from "./parts/publish.ts";
import { search } from "./parts/search.ts";
import { start } from "./parts/start.ts";
import { tags } from "./parts/tags.ts";
import { tarballs } from "./parts/tarballs.ts";
import { plotOf } from "./plot.ts";
import { hasWrk } from "./rates.ts";
import { reportOf, type Result } from "./report.ts";
import type { Context, Part } from "./rows.ts";

const PARTS: Readonly<Record<string, Part>> = { start, tags, publishes, packuments, tarballs, large, search, install };

const HELP = `Usage: npm run bench -- [flags]

  --only <a,b>     parts to run: ${Object.keys(PARTS).join(", ")} (all)
  --quick          few and small packages, and one second a rate: to try the benchmark, not to measure
  --seconds <n>    duration of the measurement of one rate (3)
  --no-report      prints the report instead of writing docs/benchmarks.md; so do --only and --quick
`;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    seconds: { type: "string" },
    "no-report": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const chosen = flags.only?.split(",") ?? Object.keys(PARTS);
  const unknown = chosen.filter((name) => !Object.hasOwn(PARTS, name));
  if (unknown.length > 0)
    throw new Error(`there is no part ${unknown.join(", ")}; the parts are ${Object.keys(PARTS).join(", ")}`);
  const began = performance.now();
  const say = (text: string) => {
    const seconds = Math.round((performance.now() - began) / 1_000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${text}\n`);
  };
  const nginx = findNginx();
  const missing = [
    ...(nginx === undefined ? ["nginx is not in this run: it is not installed."] : []),
    ...(hasWrk ? [] : ["wrk is not installed, and autocannon limits what the fastest servers reach."]),
  ];
  for (const text of missing) say(text);
  const quick = flags.quick;
  const seconds = Number(flags.seconds ?? (quick ? 1 : 3));
  execFileSync(process.execPath, [join(ROOT, "scripts/build.ts")], { stdio: ["ignore", "ignore", "inherit"] });
  const results: Result[] = [];
  for (const [index, name] of chosen.entries()) {
    const part = PARTS[name] as Part;
    const context = {
      quick,
      seconds,
      nginx,
      say: (text: string) => say(`[${index + 1}/${chosen.length}] ${name}: ${text}`),
    };
    results.push(await resultOf(part, context));
  }
  const report = reportOf(results, {
    command: "npm run bench",
    seconds,
    syncMs: await syncMs(),
    load: hasWrk ? "wrk with one thread; autocannon for PUTs" : "autocannon",
    missing,
  });
  if (flags["no-report"] || quick || flags.only !== undefined) return void process.stdout.write(report);
  await writeFile(join(ROOT, "docs/benchmarks.md"), report);
  await writeFile(join(ROOT, "docs/benchmarks.svg"), plotOf(results));
  execFileSync(join(ROOT, "node_modules/.bin/oxfmt"), ["docs/benchmarks.md"], { cwd: ROOT, stdio: "inherit" });
  say("docs/benchmarks.md and docs/benchmarks.svg are written");
}

/** A part that fails costs the others nothing: the report says so. */
async function resultOf(part: Part, context: Context): Promise<Result> {
  try {
    return { part, rows: await part.run(context) };
  } catch (error) {
    const failure = error instanceof Error ? [error.message, error.cause].filter(Boolean).join(": ") : String(error);
    context.say(`failed: ${failure}`);
    process.exitCode = 1;
    return { part, rows: [], failure };
  }
}
