import { createRequire } from "node:module";
import { dirname } from "node:path";

export type NpmSurroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly execPath: string;
  readonly platform: NodeJS.Platform;
};

/**
 * What `npm config get registry` says here: .npmrc of project, user and machine, environment, npm's default.
 *
 * Asks npm's own configuration library. It takes a tenth of a second, so ask only when an upstream is needed.
 */
export async function defaultUpstreamUrl({ env, cwd, execPath, platform }: NpmSurroundings): Promise<string> {
  const [{ default: Config }, { default: definitions }] = await Promise.all([
    import("@npmcli/config"),
    import("@npmcli/config/lib/definitions/index.js"),
  ]);
  const npmPath = dirname(createRequire(import.meta.url).resolve("@npmcli/config/package.json"));
  const config = new Config({
    ...definitions,
    npmPath,
    env: { ...env },
    argv: [],
    cwd,
    execPath,
    platform,
    warn: false,
  });
  await config.load();
  return String(config.get("registry"));
}
