import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open, readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project } from "../support/clients.ts";
import { ROOT, scratch } from "../support/registry.ts";
import { cli } from "./support/cli.ts";
import { startShape, type Shape } from "./support/shape.ts";

const MIB = 1024 * 1024;
const BIN = join(ROOT, "node_modules/.bin/codebox");
/** Prints the most memory that a process had, in KiB, when it ends. */
const PEAK = `data:text/javascript,${encodeURIComponent('process.on("exit", () => process.stderr.write(`peak ${process.resourceUsage().maxRSS}\\n`))')}`;

type Run = { readonly code: number; readonly stdout: string; readonly stderr: string; readonly peakKib: number };

/** The real command, as a process of its own. */
function codebox(cwd: string, ...args: string[]): Promise<Run> {
  const env = {
    PATH: `${join(process.execPath, "..")}:${process.env["PATH"]}`,
    HOME: cwd,
    NODE_OPTIONS: `--import=${PEAK}`,
  };
  return new Promise((resolve) => {
    execFile(BIN, args, { cwd, env, maxBuffer: 32 * MIB }, (error, stdout, stderr) => {
      // The package's scripts are processes too; the command itself ends last.
      const peakKib = Number([...stderr.matchAll(/peak (\d+)/g)].at(-1)?.[1]);
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr, peakKib });
    });
  });
}

/** Random bytes, which no compression makes small. */
async function writeBlob(path: string, mib: number): Promise<void> {
  const file = await open(path, "w");
  for (let at = 0; at < mib; at++) await file.write(randomBytes(MIB));
  await file.close();
}

describe("codebox publish", () => {
  let shape: Shape;
  let dir: Awaited<ReturnType<typeof scratch>>;
  beforeAll(async () => {
    dir = await scratch();
    shape = await startShape();
  });
  afterAll(async () => {
    await shape.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("100 MB go through, plain npm installs them, and the tarball is not held in memory several times", async () => {
    const small = await project(dir.path, shape, { name: "@acme/small", version: "1.0.0" });
    const little = await codebox(small.path, "publish");
    expect(little).toMatchObject({ code: 0 });
    const big = await project(dir.path, shape, {
      name: "@acme/big",
      version: "1.0.0",
      scripts: { prepack: "node pack.js" },
    });
    await big.write(
      "pack.js",
      'require("node:fs").writeFileSync("packed.txt", "by its script"); console.log("packing");',
    );
    await big.write("README.md", "# big");
    await writeBlob(join(big.path, "blob.bin"), 100);
    const refused = await big.run("npm", "publish");
    expect(refused.code).not.toBe(0);
    expect(refused.all).toContain("413");
    const published = await codebox(big.path, "publish");
    expect(published).toMatchObject({ code: 0 });
    expect(JSON.parse(published.stdout)).toMatchObject({ package: "@acme/big", version: "1.0.0", tag: "latest" });
    expect(published.stderr).toContain("packing");
    console.log(`peak of a small publish ${little.peakKib} KiB, of 100 MB ${published.peakKib} KiB`);
    // Some 100 MB of buffers between disk, gzip and network, for 300 MB as well; twice the tarball would be 200.
    expect(published.peakKib - little.peakKib).toBeLessThan(150 * 1024);

    const app = await project(dir.path, shape, { name: "app", version: "1.0.0", private: true });
    expect(await app.run("npm", "install", "@acme/big")).toMatchObject({ code: 0 });
    expect((await stat(join(app.path, "node_modules/@acme/big/blob.bin"))).size).toBe(100 * MIB);
    expect(await readFile(join(app.path, "node_modules/@acme/big/packed.txt"), "utf8")).toBe("by its script");
    const view = await app.run("npm", "view", "@acme/big", "--json", "readme", "dist", "_npmUser");
    expect(view.stdout).toContain("# big");
    expect(shape.failures).toEqual([]);
  });
  test("plain npm publish of a body over 5 MiB gets the limit and this command", async () => {
    const over = await project(dir.path, shape, { name: "over", version: "1.0.0" });
    await writeBlob(join(over.path, "blob.bin"), 4);
    const refused = await over.run("npm", "publish");
    expect(refused.code).not.toBe(0);
    expect(refused.all).toMatch(/413.*5 MiB.*codebox publish/s);
    expect((await cli(over.path, ["publish"])).code).toBe(0);
  });
  test("a .tgz is published as it is, under the tag of --tag", async () => {
    const source = await project(dir.path, shape, { name: "packed", version: "2.0.0-rc.1" });
    await source.run("npm", "pack");
    const result = await cli(source.path, ["publish", "packed-2.0.0-rc.1.tgz", "--tag", "next"]);
    expect(result.lines).toMatchObject([{ package: "packed", version: "2.0.0-rc.1", tag: "next" }]);
    const stored = await (await shape.fetch("/packed")).text();
    expect(stored).not.toContain(dir.path);
    expect(JSON.parse(stored)).toMatchObject({ "dist-tags": { next: "2.0.0-rc.1" } });
  });
  test("--dry-run packs, reports and publishes nothing", async () => {
    const source = await project(dir.path, shape, { name: "dry", version: "1.0.0" });
    const result = await cli(source.path, ["publish", "--dry-run"]);
    expect(result.lines).toMatchObject([{ package: "dry", dryRun: true, bytes: expect.any(Number) as number }]);
    expect((await shape.fetch("/dry")).status).toBe(404);
  });
  test("what the registry refuses is shown in its words: a version that exists, a token that is none", async () => {
    const source = await project(dir.path, shape, { name: "twice", version: "1.0.0" });
    expect((await cli(source.path, ["publish"])).code).toBe(0);
    const again = await cli(source.path, ["publish"]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("twice@1.0.0 is published already");
    await source.write(".npmrc", `registry=${shape.url}/\n`);
    const anonymous = await cli(source.path, ["publish"]);
    expect(anonymous.code).toBe(1);
    expect(anonymous.stderr).toMatch(/401.*npmrc/s);
  });
  test.each([
    [{ name: "private", version: "1.0.0", private: true }, "marked as private"],
    [{ name: "prerelease", version: "1.0.0-rc.1" }, "--tag"],
  ])("%j is refused before anything is sent", async (manifest, why) => {
    const source = await project(dir.path, shape, manifest);
    const result = await cli(source.path, ["publish"]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(why);
  });
  test("what is neither folder nor tarball is wrong use", async () => {
    expect((await cli(dir.path, ["publish", "nowhere"])).code).toBe(2);
  });
  test("a registry that takes no uploads is left to npm publish", async () => {
    const server = createServer((_, response) =>
      response.writeHead(404, { "content-type": "application/json" }).end("{}"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const source = await project(dir.path, { url, token: "x" }, { name: "elsewhere", version: "1.0.0" });
    const result = await cli(source.path, ["publish"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('plain "npm publish" works there');
    server.closeAllConnections();
    server.close();
  });
});
