import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isRecord, tagProblem, versionProblem, type Clock, type Ids } from "@codebox/core";
import type { NpmConfig } from "@codebox/upstream";
import npa from "npm-package-arg";
import npmFetch from "npm-registry-fetch";
import semver from "semver";
import { CommandError, UsageError, type ExitCode } from "../errors.ts";
import { bytes, type Output } from "../output.ts";
import { pack, script, sourceOf, type Manifest, type Packed, type Source } from "../publish/pack.ts";
import { askForUpload, publishUploaded, upload } from "../publish/registry.ts";

export type PublishPorts = {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** npm's settings in a directory, under these flags. */
  readonly npmConfig: (cwd: string, flags: readonly string[]) => Promise<NpmConfig>;
};
export type PublishSettings = {
  readonly cwd: string;
  /** The package's folder, or a .tgz. */
  readonly source: string;
  /** npm's own flags that were given: `registry`, `tag`, `access`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
};

/**
 * Publishes a package of any size: the tarball goes straight to the bucket, the publish then names it.
 *
 * @example await publish(ports, { cwd, source: ".", flags: { tag: "next" }, dryRun: false });
 * Packs as `npm publish` does, with its scripts and settings; registry and token are those of .npmrc. Stopped anywhere, nothing is
 * published; run it again.
 */
export async function publish(ports: PublishPorts, settings: PublishSettings): Promise<ExitCode> {
  const { output } = ports;
  const { cwd, flags, dryRun } = settings;
  const source = await sourceOf(cwd, settings.source);
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const config = await ports.npmConfig(await configDirectory(cwd, source), args);
  const scratch = await mkdtemp(join(tmpdir(), "codebox-publish-"));
  try {
    output.progress("packing …");
    const packed = await pack(source, config.options, scratch);
    const { manifest, size, integrity } = packed;
    const options = optionsFor(manifest, config, flags);
    const tag = tagFor(manifest, config, flags);
    checkManifest(manifest);
    const { name, version } = manifest;
    const registry = npmFetch.pickRegistry(npa.resolve(name, version), options);
    const published = { package: name, version, tag, bytes: size, integrity, registry };
    if (dryRun) {
      output.record(
        { ...published, dryRun },
        `would publish ${name}@${version} (${bytes(size)}) as "${tag}" to ${registry}`,
      );
      return 0;
    }
    await send(ports, packed, { options, tag });
    for (const event of ["publish", "postpublish"]) await script(source, options, manifest, event);
    output.record(
      published,
      `${output.style("green", "+")} ${name}@${version} (${bytes(size)}) as "${tag}" at ${registry}`,
    );
    return 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function send(
  { clock, ids, output, signal }: PublishPorts,
  packed: Packed,
  { options, tag }: { readonly options: Readonly<Record<string, unknown>>; readonly tag: string },
): Promise<void> {
  const place = await askForUpload(packed, options);
  if (!place) {
    const { name, version } = packed.manifest;
    const registry = npmFetch.pickRegistry(npa.resolve(name, version), options);
    throw new CommandError(
      `${registry} takes no uploads, so it has none of Lambda's limits either: plain "npm publish" works there`,
    );
  }
  const all = bytes(packed.size);
  await upload(place, packed, {
    clock,
    signal,
    onBytes: (sent) => output.progress(`uploading ${bytes(sent)} of ${all} …`),
  });
  output.progress("publishing …");
  await publishUploaded(packed, place, { options, tag, clock, signal, session: ids.next() });
}

/** npm reads .npmrc where it is called. A package's folder with one of its own is as good: this command is often called from elsewhere. */
async function configDirectory(cwd: string, { kind, path }: Source): Promise<string> {
  const folder = kind === "folder" ? path : dirname(path);
  try {
    await access(join(folder, ".npmrc"));
    return folder;
  } catch {
    return cwd;
  }
}

/** The settings under which this package is published: its `publishConfig` counts, but for what a flag says. */
export function optionsFor(manifest: Manifest, config: NpmConfig, flags: Readonly<Record<string, string>>) {
  const wanted = publishConfigOf(manifest);
  const rest = Object.fromEntries(Object.entries(wanted).filter(([key]) => flags[key] === undefined));
  return { ...config.options, ...config.flatten(rest) };
}

/** As npm: a prerelease never becomes `latest` by accident. Source: npm lib/commands/publish.js. */
export function tagFor(manifest: Manifest, config: NpmConfig, flags: Readonly<Record<string, string>>): string {
  const own = publishConfigOf(manifest)["tag"];
  const tag = flags["tag"] ?? (typeof own === "string" ? own : String(config.get("tag")));
  const chosen = typeof own === "string" || !config.isDefault("tag");
  if (!chosen && semver.prerelease(manifest.version) !== null)
    throw new UsageError(`${manifest.version} is a prerelease; name its tag with --tag`);
  const problem = tagProblem(tag);
  if (problem !== undefined) throw new UsageError(problem);
  return tag;
}

function publishConfigOf({ publishConfig }: Manifest): Readonly<Record<string, unknown>> {
  return isRecord(publishConfig) ? publishConfig : {};
}

/** Refuses what npm refuses to publish, too. @throws UsageError */
export function checkManifest({ name, version, private: isPrivate }: Manifest): void {
  if (isPrivate === true)
    throw new UsageError(`${name} is marked as private; take "private" out of its package.json to publish it`);
  const problem = versionProblem(version);
  if (problem !== undefined) throw new UsageError(problem);
}
