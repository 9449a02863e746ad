import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { npmSettings, yarnSettings } from "../support/clients.ts";
import {
  BUN,
  cannot,
  DENO,
  NPM,
  NPM_8,
  PNPM,
  PNPM_10,
  PNPM_11,
  PNPM_12,
  YARN_1,
  YARN_4,
  type Args,
  type Words,
} from "./words.ts";

const MODULES = join(import.meta.dirname, "node_modules");

export type Client = {
  /** As in docs/clients.md: `npm 6`. */
  readonly name: string;
  /** File and first arguments. Undefined where `npm ci --prefix tests/clients` does not install it. */
  readonly program: Args | undefined;
  readonly words: Words;
  /** Files of a project in which the client asks this registry. */
  readonly settings: (registry: {
    readonly url: string;
    readonly token?: string | undefined;
  }) => Readonly<Record<string, string>>;
};

const script = (path: string): Args | undefined => {
  const file = join(MODULES, path);
  return existsSync(file) ? [process.execPath, file] : undefined;
};
/** A program in a package of the platform's own. The first that is installed. */
const binary = (...paths: readonly string[]): Args | undefined => {
  const file = paths.map((path) => join(MODULES, path)).find((path) => existsSync(path));
  return file === undefined ? undefined : [file];
};

const npmFiles: Client["settings"] = (registry) => ({ ".npmrc": npmSettings(registry) });
/** pnpm bundles dependencies only when they are in node_modules itself. */
const pnpmFiles: Client["settings"] = (registry) => ({ ".npmrc": `${npmSettings(registry)}node-linker=hoisted\n` });
/** From 11 on it waits a day before it installs a version, as yarn 4 and deno do. Those of the suite are seconds old. */
const pnpm11Files: Client["settings"] = (registry) => ({
  ...npmFiles(registry),
  "pnpm-workspace.yaml": "nodeLinker: hoisted\nminimumReleaseAge: 0\n",
});
const denoFiles: Client["settings"] = (registry) => ({
  ...npmFiles(registry),
  "deno.json": '{ "minimumDependencyAge": "0" }',
});
const yarnFiles: Client["settings"] = (registry) => ({ ".yarnrc.yml": yarnSettings(registry), "yarn.lock": "" });

const npm = (major: number, words: Partial<Words> = {}): Client => ({
  name: `npm ${major}`,
  program: script(`npm-${major}/bin/npm-cli.js`),
  words: { ...NPM, ...words },
  settings: npmFiles,
});
const pnpm = (major: number, program: Args | undefined, words: Partial<Words> = {}): Client => ({
  name: `pnpm ${major}`,
  program,
  words: { ...PNPM, ...words },
  settings: major < 11 ? pnpmFiles : pnpm11Files,
});

const { platform, arch } = process;
/** Every client of the suite, in the order of docs/clients.md. */
export const CLIENTS: readonly Client[] = [
  npm(6, NPM_8),
  npm(7, NPM_8),
  npm(8, NPM_8),
  npm(9),
  npm(10),
  npm(11),
  npm(12, { form: "full", shrinkwrap: cannot("ignores npm-shrinkwrap.json"), star: cannot("no command") }),
  pnpm(8, script("pnpm-8/bin/pnpm.cjs"), PNPM_10),
  pnpm(9, script("pnpm-9/bin/pnpm.cjs"), PNPM_10),
  pnpm(10, script("pnpm-10/bin/pnpm.cjs"), PNPM_10),
  pnpm(11, script("pnpm-11/bin/pnpm.mjs"), PNPM_11),
  pnpm(12, binary(`@pnpm/exe.${platform}-${arch}/pnpm`), PNPM_12),
  { name: "yarn 1", program: script("yarn-1/bin/yarn.js"), words: YARN_1, settings: npmFiles },
  { name: "yarn 4", program: script("yarn-4/bin/yarn.js"), words: YARN_4, settings: yarnFiles },
  {
    name: "bun",
    program: binary(`@oven/bun-${platform}-${arch === "arm64" ? "aarch64" : arch}/bin/bun`),
    words: BUN,
    settings: npmFiles,
  },
  {
    name: "deno",
    program: binary(`@deno/${platform}-${arch}-glibc/deno`, `@deno/${platform}-${arch}/deno`),
    words: DENO,
    settings: denoFiles,
  },
];
