import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort, ROOT, startCodebox, startVerdaccio, type Contender } from "../contenders.ts";
import { round, type Part, type Value } from "../rows.ts";
import { registries, type Add } from "./shared.ts";

const NPM = join(ROOT, "node_modules/npm/bin/npm-cli.js");

/** A real npm that installs a tree of many packages of an upstream. */
export const install: Part = {
  title: "Installing",
  about:
    "npm 11 installs a tree of 1,000 packages (--quick: 100) from a synthetic upstream that the benchmark serves, with an empty cache of npm's own each time. Cold: the registry has none of them. The wall time is mostly npm's; the CPU time is the registry's.",
  async run(context) {
    const port = await freePort();
    const args = [join(ROOT, "bench/upstream.ts"), context.quick ? "100" : "1000", String(port)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [first] = (await once(child.stdout, "data")) as [Buffer];
    const upstream = `http://127.0.0.1:${port}`;
    try {
      const starts = [() => startCodebox({ upstream }), () => startVerdaccio({ upstream })];
      return await registries(context, starts, (contender, add) => installAll(contender, first.toString().trim(), add));
    } finally {
      child.kill();
    }
  },
};

async function installAll(contender: Contender, root: string, add: Add): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-install-"));
  const both = async (what: string, command: string) => {
    await rm(join(folder, "node_modules"), { recursive: true, force: true });
    const { wall, cpu } = await npm(contender, folder, command);
    add({ title: `${what}: wall`, unit: "s" }, wall);
    add({ title: `${what}: CPU of the registry`, unit: "s" }, cpu);
  };
  try {
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({ name: "app", version: "1.0.0", dependencies: { [root]: "*" } }),
    );
    await both("npm install, cold, no lock", "install");
    await rm(join(folder, "package-lock.json"));
    await both("npm install, warm, no lock", "install");
    await both("npm ci, warm", "ci");
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function npm(
  contender: Contender,
  cwd: string,
  command: string,
): Promise<{ readonly wall: Value; readonly cpu: Value }> {
  const home = await mkdtemp(join(tmpdir(), "bench-npm-"));
  await mkdir(join(home, "cache"));
  const flags = [
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--cache",
    join(home, "cache"),
    "--registry",
    `${contender.url}/`,
  ];
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    npm_config_userconfig: join(home, "npmrc"),
    npm_config_update_notifier: "false",
  };
  const before = contender.cpuSeconds();
  const began = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, [NPM, command, ...flags], { cwd, env }, (error, _, stderr) =>
        error ? reject(new Error(`npm ${command} failed: ${stderr.slice(0, 500)}`)) : resolve(),
      );
    });
    const wall = { figure: round((performance.now() - began) / 1_000) };
    return { wall, cpu: { figure: round(contender.cpuSeconds() - before) } };
  } finally {
    await rm(home, { recursive: true });
  }
}
