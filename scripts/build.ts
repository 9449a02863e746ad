// `npm run build`: bundles the server into dist/server, and starts it once. Flag: --out <directory>.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const SERVER = join(ROOT, "packages/server");
/** Time for the first start, in milliseconds. */
const START_MS = 60_000;

const { values: flags } = parseArgs({ options: { out: { type: "string", default: join(ROOT, "dist/server") } } });
const out = resolve(flags.out);

await rm(out, { recursive: true, force: true });
const inputs = await bundle();
await writeFile(join(out, "sources.json"), JSON.stringify(await described(inputs)));
await startOnce();
process.stdout.write(
  `${relative(process.cwd(), out) || out}: the server, from ${inputs.length} files; npm start uses it\n`,
);

/** Returns the files that the bundle depends on, relative to the repository. */
async function bundle(): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { main: join(SERVER, "src/main.ts"), "prepare-worker": join(SERVER, "src/prepare-worker.ts") },
    outdir: out,
    outExtension: { ".js": ".mjs" },
    // What the start does not need is a file of its own, read when it is needed.
    splitting: true,
    chunkNames: "[name]-[hash]",
    bundle: true,
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: true,
    sourcesContent: false,
    platform: "node",
    target: "node24",
    format: "esm",
    metafile: true,
    mainFields: ["module", "main"],
    // Some packages still call `require`.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "warning",
  });
  const ours = Object.keys(metafile.inputs).filter((file) => file.startsWith("packages/"));
  // The lock file stands for the libraries.
  return [...ours, "package-lock.json", "scripts/build.ts"];
}

/** What `launch.mjs` compares: a start reads no file for it, only its size and time. */
async function described(files: readonly string[]) {
  return Promise.all(
    files.map(async (path) => {
      const { size, mtimeMs } = await stat(join(ROOT, path));
      return { path, size, mtimeMs };
    }),
  );
}

/** Shows that the bundle starts, and fills the cache of compiled code that later starts read. */
async function startOnce(): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), "codebox-build-"));
  try {
    await mkdir(join(out, "cache"));
    const launch = pathToFileURL(join(SERVER, "bin/launch.mjs")).href;
    const program = join(data, "start.mjs");
    await writeFile(
      program,
      `import { launch } from "${launch}"; await launch(new URL("${pathToFileURL(out).href}/"));`,
    );
    const args = [program, "--port", "0", "--data", join(data, "data"), "--no-upstream"];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: process.env["PATH"] },
      timeout: START_MS,
    });
    const ended = once(child, "exit");
    await Promise.race([once(child.stdout, "data"), ended]);
    child.kill("SIGTERM");
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`the built server ended with ${code}`);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}
