import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLIENTS } from "../clients/clients.ts";
import { clientEnvironment, npmSettings, runProgram } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";
import { codebox } from "../support/tags-commands.ts";

const PACKAGES = 70;
const NAMES = Array.from({ length: PACKAGES }, (_, index) => `@acme/part-${index}`);
/** pnpm 11 is the first with `publish --batch`. */
const pnpm = CLIENTS.find(({ name }) => name === "pnpm 11")?.program;

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(join(dir.path, "data"));
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

/** A workspace of 70 packages, each of which needs the one before it. */
async function workspace(version: string, needs = "workspace:*"): Promise<string> {
  const path = join(dir.path, `monorepo-${version}`);
  for (const [index, name] of NAMES.entries()) {
    const folder = join(path, "packages", `part-${index}`);
    await mkdir(folder, { recursive: true });
    const dependencies = index === 0 ? {} : { [NAMES[index - 1] ?? ""]: needs };
    await writeFile(join(folder, "package.json"), JSON.stringify({ name, version, license: "MIT", dependencies }));
    await writeFile(join(folder, "index.js"), `module.exports = ${index};\n`);
  }
  await writeFile(join(path, "package.json"), JSON.stringify({ name: "monorepo", private: true }));
  await writeFile(join(path, "pnpm-workspace.yaml"), 'packages: ["packages/*"]\nminimumReleaseAge: 0\n');
  await writeFile(join(path, ".npmrc"), npmSettings(registry));
  return path;
}

const run = (cwd: string, ...args: string[]) =>
  runProgram([...(pnpm ?? []), ...args], { cwd, env: clientEnvironment(join(dir.path, "home")) });

/** Every package has the version as `latest`, and its change names the same release. */
async function expectReleased(version: string): Promise<void> {
  const releases = new Set<unknown>();
  for (const name of NAMES) {
    const tags = await registry.fetch(`/-/package/${name.replace("/", "%2f")}/dist-tags`);
    expect(await tags.json(), name).toMatchObject({ latest: version });
    const page = await registry.fetch(`/-/package/${name.replace("/", "%2f")}/history?limit=1`);
    releases.add(((await page.json()) as { history: { release?: string }[] }).history[0]?.release);
  }
  expect(releases.size).toBe(1);
  expect([...releases][0]).toEqual(expect.any(String));
}

const seconds = async (work: () => Promise<unknown>) => {
  const start = performance.now();
  await work();
  return ((performance.now() - start) / 1_000).toFixed(1);
};

test("a monorepo of 70 packages is released at once by codebox release, and refused as a whole", async () => {
  const path = await workspace("1.0.0", "1.0.0");
  const folders = NAMES.map((_, index) => `packages/part-${index}`);
  const released = await codebox(path, ["release", ...folders]);
  expect(released.code, released.stderr).toBe(0);
  await expectReleased("1.0.0");

  const again = await codebox(path, ["release", ...folders.slice(0, 3)]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("nothing is released, since 3 packages refuse their changes");
}, 300_000);

test.skipIf(pnpm === undefined)(
  `a monorepo of 70 packages is released at once by pnpm -r publish --batch${pnpm ? "" : " (skipped: npm ci --prefix tests/clients installs pnpm 11)"}`,
  async () => {
    const args = ["-r", "publish", "--no-git-checks"];
    const path = await workspace("2.0.0");
    const batch = await seconds(async () => {
      const published = await run(path, ...args, "--batch");
      expect(published.code, published.all).toBe(0);
    });
    await expectReleased("2.0.0");
    const single = await workspace("3.0.0");
    const each = await seconds(async () => expect((await run(single, ...args)).code).toBe(0));
    process.stderr.write(`70 packages with pnpm: ${batch} s at once, ${each} s one after the other\n`);
  },
  600_000,
);
