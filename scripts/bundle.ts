// Bundles every Lambda entry as it is deployed (minified, tree-shaken), prints its size and init time, and fails if one is over its limit.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const ENTRIES = join(ROOT, "packages/functions/src/entries");

/** Bytes. A larger bundle would take longer to load than the clients that a request needs. */
const LIMIT = 1.5 * 1024 * 1024;
/** How often each bundle is loaded, each time in a new process. The median is printed. */
const RUNS = 5;

/** A valid value for every variable. Init reads them all and connects to nothing. */
const ENVIRONMENT = {
  AWS_REGION: "eu-central-1",
  CODEBOX_BUCKET: "bundle-check",
  CODEBOX_QUEUE_URL: "https://queue.example/changes.fifo",
  CODEBOX_DEAD_LETTERS_URL: "https://queue.example/dead.fifo",
  CODEBOX_TOPIC_ARN: "arn:aws:sns:eu-central-1:123456789012:events",
};

const out = await mkdtemp(join(tmpdir(), "codebox-bundle-"));
try {
  await mkdir(out, { recursive: true });
  const entries = (await readdir(ENTRIES)).filter((file) => file.endsWith(".ts"));
  const sizes = await bundle(entries);
  console.log("function    bytes      init, ms (median)");
  let over = false;
  for (const [name, bytes] of sizes) {
    const ms = await initTime(join(out, `${name}.mjs`));
    over ||= bytes > LIMIT;
    const mark = bytes > LIMIT ? `  over the limit of ${LIMIT} bytes` : "";
    console.log(`${name.padEnd(10)}  ${String(bytes).padStart(9)}  ${ms.toFixed(0).padStart(6)}${mark}`);
  }
  process.exitCode = over ? 1 : 0;
} finally {
  await rm(out, { recursive: true });
}

async function bundle(entries: readonly string[]): Promise<[string, number][]> {
  const { metafile } = await build({
    entryPoints: entries.map((file) => join(ENTRIES, file)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    minify: true,
    treeShaking: true,
    platform: "node",
    target: "node24",
    format: "esm",
    metafile: true,
    mainFields: ["module", "main"],
    // Some packages still call `require`. SST adds the same banner to an ES module.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "warning",
  });
  const sizes = Object.entries(metafile.outputs).map(([file, { bytes }]): [string, number] => [
    basename(file, ".mjs"),
    bytes,
  ]);
  if (process.argv.includes("--why")) printLargest(metafile);
  return sizes.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function printLargest(metafile: Awaited<ReturnType<typeof build>>["metafile"]): void {
  for (const [file, { inputs }] of Object.entries(metafile?.outputs ?? {})) {
    const packages = new Map<string, number>();
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const name =
        /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(input)?.[1] ?? input.split("/src/")[0] ?? input;
      packages.set(name, (packages.get(name) ?? 0) + bytesInOutput);
    }
    const largest = [...packages].toSorted(([, a], [, b]) => b - a).slice(0, 12);
    console.log(basename(file), largest.map(([name, bytes]) => `${name} ${Math.round(bytes / 1024)} KiB`).join(", "));
  }
}

/** Time in milliseconds to import a bundle in a new process. */
async function initTime(file: string): Promise<number> {
  const program = `const start = performance.now(); await import(${JSON.stringify(`file://${file}`)}); process.stdout.write(String(performance.now() - start)); process.exit(0);`;
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      env: { PATH: process.env["PATH"], ...ENVIRONMENT },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const [code] = (await once(child, "exit")) as [number];
    if (code !== 0) throw new Error(`${basename(file)} does not load`);
    times.push(Number(printed));
  }
  return times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
}
