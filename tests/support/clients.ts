import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT, type Registry } from "./registry.ts";

const bin = (pkg: string, name: string): string => {
  const folder = join(ROOT, "node_modules", pkg);
  const { bin: bins } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  return join(folder, bins[name] ?? "");
};

/** The real clients, as installed by `npm ci`. */
export const CLIENTS = {
  npm: bin("npm", "npm"),
  pnpm: bin("pnpm", "pnpm"),
  yarn: bin("@yarnpkg/cli-dist", "yarn"),
} as const;
export type Client = keyof typeof CLIENTS;

export type Result = { readonly code: number; readonly stdout: string; readonly stderr: string; readonly all: string };

/** A project directory with its own home, cache and settings: nothing of the machine's leaks in. */
export type Project = {
  readonly path: string;
  run(client: Client, ...args: string[]): Promise<Result>;
  write(file: string, content: string | object): Promise<void>;
};

/**
 * Makes a project that uses a registry.
 *
 * @param registry.token empty: no token is configured.
 * @param more variables of the clients' environment.
 */
export async function project(
  parent: string,
  registry: Pick<Registry, "url" | "token">,
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
  const bare = registry.url.replace(/^https?:/, "");
  await write("package.json", manifest);
  await write(
    ".npmrc",
    `registry=${registry.url}/\n${registry.token === "" ? "" : `${bare}/:_authToken=${registry.token}`}\nupdate-notifier=false\n`,
  );
  await write(".yarnrc.yml", yarnSettings(registry));
  await write("yarn.lock", "");
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    XDG_CACHE_HOME: join(home, "cache"),
    CI: "1",
    NO_COLOR: "1",
    npm_config_fund: "false",
    npm_config_audit: "false",
    ...more,
  };
  return {
    path,
    write,
    run: (client, ...args) =>
      new Promise((resolve) => {
        execFile(
          process.execPath,
          [CLIENTS[client], ...args],
          { cwd: path, env, maxBuffer: 32 * 1024 * 1024 },
          (error, stdout, stderr) => {
            const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
            resolve({ code, stdout, stderr, all: `${stdout}${stderr}` });
          },
        );
      }),
  };
}

function yarnSettings({ url, token }: Pick<Registry, "url" | "token">): string {
  return [
    `npmRegistryServer: "${url}"`,
    `npmAuthToken: "${token}"`,
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
