import { createRequire } from "node:module";
import { dirname } from "node:path";

export type NpmSurroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly execPath: string;
  readonly platform: NodeJS.Platform;
};

/** npm's settings as its own libraries take them: `registry`, `@acme:registry`, `//host/:_authToken`, … */
export type NpmConfig = {
  readonly options: Readonly<Record<string, unknown>>;
  get(key: string): unknown;
  /** Whether nobody set it. */
  isDefault(key: string): boolean;
  /** Settings as they stand in a package.json's `publishConfig`, in the form of `options`. */
  flatten(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
};

/**
 * What npm would be set to here: flags, environment, .npmrc of project, user and machine, npm's defaults.
 *
 * @example (await loadNpmConfig(surroundings, ["--tag", "next"])).options["registry"]
 * Asks npm's own configuration library. It takes a tenth of a second, so ask only when it is needed.
 */
export async function loadNpmConfig(
  { env, cwd, execPath, platform }: NpmSurroundings,
  flags: readonly string[] = [],
): Promise<NpmConfig> {
  const [{ default: Config }, { default: definitions }] = await Promise.all([
    import("@npmcli/config"),
    import("@npmcli/config/lib/definitions/index.js"),
  ]);
  const npmPath = dirname(createRequire(import.meta.url).resolve("@npmcli/config/package.json"));
  const config = new Config({
    ...definitions,
    npmPath,
    env: { ...env },
    // Its first two entries are taken for node and npm.
    argv: ["node", "npm", ...flags],
    cwd,
    execPath,
    platform,
    warn: false,
  });
  await config.load();
  return {
    options: config.flat,
    get: (key) => config.get(key),
    isDefault: (key) => config.isDefault(key),
    flatten: (settings) => definitions.flatten(settings),
  };
}
