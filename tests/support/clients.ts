import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "./registry.ts";

const bin = (pkg: string, name: string): string => {
  const folder = join(ROOT, "node_modules", pkg);
  const { bin: bins } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  return join(folder, bins[name] ?? "");
};

/** The real clients, as installed by `npm ci`. Their other versions: tests/clients. */
export const CLIENTS = {
  npm: bin("npm", "npm"),
  pnpm: bin("pnpm", "pnpm"),
  yarn: bin("@yarnpkg/cli-dist", "yarn"),
} as const;
export type Client = keyof typeof CLIENTS;

export type Result = { readonly code: number; readonly stdout: string; readonly stderr: string; readonly all: string };
/** Where a program runs. */
export type Place = { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> };

/** Runs a program to its end. A failure is a result, too. */
export function runProgram([file = "", ...args]: readonly string[], { cwd, env }: Place): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { cwd, env, maxBuffer: 32 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr, all: `${stdout}${stderr}` });
    });
    // Nobody types: a prompt ends instead of waiting.
    child.stdin?.end();
  });
}

/** A client's environment: nothing of the machine's leaks in. */
export function clientEnvironment(home: string): Readonly<Record<string, string | undefined>> {
  return {
    PATH: process.env["PATH"],
    HOME: home,
    XDG_CACHE_HOME: join(home, "cache"),
    CI: "1",
    NO_COLOR: "1",
    npm_config_fund: "false",
    npm_config_audit: "false",
  };
}

/** A project directory with its own home, cache and settings: nothing of the machine's leaks in. */
export type Project = {
  readonly path: string;
  run(client: Client, ...args: string[]): Promise<Result>;
  write(file: string, content: string | object): Promise<void>;
};

/**
 * Makes a project that uses a registry.
 *
 * @param registry.token absent: no token is configured.
 * @param more variables of the clients' environment.
 */
export async function project(
  parent: string,
  registry: Asked,
  manifest: Record<string, unknown>,
  more: Readonly<Record<string, string>> = {},
): Promise<Project> {
  const path = join(parent, `project-${String(manifest["name"]).replace("/", "-")}-${String(manifest["version"])}`);
  const home = join(parent, "home");
  await mkdir(path, { recursive: true });
  await mkdir(home, { recursive: true });
  const write = async (file: string, content: string | object) => {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), typeof content === "string" ? content : JSON.stringify(content, null, 2));
  };
  await write("package.json", manifest);
  await write(".npmrc", npmSettings(registry));
  await write(".yarnrc.yml", yarnSettings(registry));
  await write("yarn.lock", "");
  const env = { ...clientEnvironment(home), ...more };
  return {
    path,
    write,
    run: (client, ...args) => runProgram([process.execPath, CLIENTS[client], ...args], { cwd: path, env }),
  };
}

/** A registry, and who asks it. Without a token: nobody. */
type Asked = { readonly url: string; readonly token?: string | undefined };

/** An .npmrc. pnpm, yarn 1, bun and deno read it too. */
export function npmSettings({ url, token }: Asked): string {
  const credential = token === undefined ? "" : `${url.replace(/^https?:/, "")}/:_authToken=${token}\n`;
  return `registry=${url}/\n${credential}update-notifier=false\n`;
}

/** A .yarnrc.yml, for yarn 2 and later. */
export function yarnSettings({ url, token }: Asked): string {
  return [
    `npmRegistryServer: "${url}"`,
    ...(token === undefined ? [] : [`npmAuthToken: "${token}"`]),
    `unsafeHttpWhitelist: ["127.0.0.1"]`,
    "nodeLinker: node-modules",
    "enableTelemetry: false",
    "enableImmutableInstalls: false",
    "enableGlobalCache: false",
    // yarn keeps versions younger than a day back by default; ours are seconds old.
    "npmMinimalAgeGate: 0",
    "",
  ].join("\n");
}
