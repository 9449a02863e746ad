import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project, runProgram } from "../support/clients.ts";
import { ROOT, startRegistry, type Registry } from "../support/registry.ts";

const SOURCE = "packages/server/src/main.ts";
/** A document with more bytes is parsed in a thread. */
const THREAD_BYTES = 1024 * 1024;
const BUILT = 'process.stdout.write("from the build\\n");';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "codebox-build-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const node = (...args: readonly string[]) => runProgram([process.execPath, ...args], { cwd: ROOT, env: {} });

/** What `npm start` runs, with the build in this directory. */
async function starter(build: string): Promise<string> {
  const launch = pathToFileURL(join(ROOT, "packages/server/bin/launch.mjs")).href;
  const start = join(build, "start.mjs");
  await writeFile(start, `import { launch } from "${launch}"; await launch(new URL("./", import.meta.url));`);
  return start;
}

async function record(build: string, recorded: { readonly mtimeMs?: number; readonly size?: number } = {}) {
  const { size, mtimeMs } = await stat(join(ROOT, SOURCE));
  await writeFile(join(build, "sources.json"), JSON.stringify([{ path: SOURCE, size, mtimeMs, ...recorded }]));
}

/** What a start prints with `--help`, with another program as the built server. */
async function helpOf(recorded: { readonly mtimeMs?: number; readonly size?: number } | "nothing"): Promise<string> {
  const build = await mkdtemp(join(folder, "build-"));
  await writeFile(join(build, "main.mjs"), BUILT);
  if (recorded !== "nothing") await record(build, recorded);
  return (await node(await starter(build), "--help")).all;
}

describe("a start", () => {
  test("uses the build when the sources are as they were then", async () => {
    expect(await helpOf({})).toBe("from the build\n");
  });

  test.for([
    ["a source has another time", { mtimeMs: 1 }],
    ["a source has another size", { size: 1 }],
    ["there is no list of the sources", "nothing"],
  ] as const)("uses the sources when %s", async ([, recorded]) => {
    expect(await helpOf(recorded)).toContain("Usage: npm start");
  });
});

test("a stack trace of the build names the sources", async () => {
  const source = join(folder, "thrower.ts");
  await writeFile(source, '\ntype Text = string;\nconst text: Text = "broken";\nthrow new Error(text);\n');
  const out = await mkdtemp(join(folder, "map-"));
  const outExtension = { ".js": ".mjs" };
  await build({ entryPoints: { main: source }, outdir: out, outExtension, sourcemap: true, minify: true });
  await record(out);

  const { code, all } = await node(await starter(out));

  expect(code).toBe(1);
  expect(all).toContain("Error: broken");
  expect(all).toMatch(/thrower\.ts:4:7/);
});

describe("npm run build makes a server", () => {
  let registry: Registry;
  let upstream: Server;

  beforeAll(async () => {
    const versions = { "1.0.0": { name: "large", version: "1.0.0", dist: {}, readme: "x".repeat(THREAD_BYTES) } };
    const document = JSON.stringify({ name: "large", "dist-tags": { latest: "1.0.0" }, versions });
    upstream = createServer((_, response) => void response.end(document)).listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const { port } = upstream.address() as AddressInfo;
    const out = join(folder, "server");
    const built = await node(join(ROOT, "scripts/build.ts"), "--out", out);
    expect(built).toMatchObject({ code: 0 });
    const flags = ["--upstream", `http://127.0.0.1:${port}`, "--scopes", "@acme"];
    registry = await startRegistry(join(folder, "data"), flags, undefined, undefined, [], await starter(out));
  });
  afterAll(async () => {
    upstream.close();
    await registry.stop();
  });

  test("that npm publishes to and installs from", async () => {
    const wire = await project(folder, registry, { name: "@acme/wire", version: "1.0.0", main: "index.js" });
    await wire.write("index.js", "module.exports = 1;");
    expect(await wire.run("npm", "publish")).toMatchObject({ code: 0 });
    const app = await project(folder, registry, { name: "app", version: "1.0.0", private: true });
    expect(await app.run("npm", "install", "@acme/wire")).toMatchObject({ code: 0 });
    expect(await readFile(join(app.path, "node_modules/@acme/wire/index.js"), "utf8")).toBe("module.exports = 1;");
  });

  test("that parses a large document of the upstream in its thread", async () => {
    const response = await registry.fetch("/large");
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ name: "large", "dist-tags": { latest: "1.0.0" } });
  });
});
