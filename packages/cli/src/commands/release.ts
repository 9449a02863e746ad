import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { tagProblem, versionProblem } from "@codebox/core";
import npa from "npm-package-arg";
import npmFetch from "npm-registry-fetch";
import { UsageError, type ExitCode } from "../errors.ts";
import { bytes } from "../output.ts";
import type { Reason } from "../package-client.ts";
import { pack, script, sourceOf, type Packed, type Source } from "../publish/pack.ts";
import { askForUpload, documentOf, upload, withData } from "../publish/registry.ts";
import { sendRelease } from "../publish/release.ts";
import type { Options } from "../registry.ts";
import { checkManifest, optionsFor, tagFor, type PublishPorts } from "./publish.ts";

type ReleaseSettings = {
  readonly cwd: string;
  /** Folders of packages, .tgz files, or folders that hold .tgz files. */
  readonly sources: readonly string[];
  /** npm's own flags that were given: `registry`, `tag`, `access`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly why: Reason;
  readonly dryRun: boolean;
};

type Ready = { readonly source: Source; readonly packed: Packed; readonly tag: string; readonly options: Options };

/**
 * Publishes several packages at once: all of them are visible, or none.
 *
 * @example await release(ports, { cwd, sources: ["dist"], flags: { tag: "next" }, why: {}, dryRun: false });
 * Packs as `npm publish` does, with its scripts. Stopped anywhere, all or nothing is published.
 */
export async function release(ports: PublishPorts, settings: ReleaseSettings): Promise<ExitCode> {
  const { output } = ports;
  const { cwd, flags, why, dryRun } = settings;
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const config = await ports.npmConfig(cwd, args);
  const sources = await sourcesOf(cwd, settings.sources);
  const scratch = await mkdtemp(join(tmpdir(), "codebox-release-"));
  try {
    const ready: Ready[] = [];
    for (const [index, source] of sources.entries()) {
      output.progress(`packing ${index + 1} of ${sources.length} …`);
      const packed = await pack(source, config.options, await mkdtemp(join(scratch, "package-")));
      const { manifest } = packed;
      checkManifest(manifest);
      ready.push({
        source,
        packed,
        tag: tagFor(manifest, config, flags),
        options: optionsFor(manifest, config, flags),
      });
    }
    const registry = oneRegistry(ready);
    const documents: object[] = [];
    for (const one of ready) documents.push(await documentToSend(ports, one, registry));
    output.progress(`releasing ${ready.length} packages …`);
    const options = { ...config.options, registry, ...ready[0]?.options };
    const id = await sendRelease(ports, options, { packages: documents, dryRun }, why);
    if (!dryRun)
      for (const { source, packed, options: own } of ready)
        for (const event of ["publish", "postpublish"]) await script(source, own, packed.manifest, event);
    for (const { packed, tag } of ready) {
      const { name, version } = packed.manifest;
      const line = `${output.style("green", "+")} ${name}@${version} (${bytes(packed.size)}) as "${tag}"`;
      output.record({ package: name, version, tag, bytes: packed.size, integrity: packed.integrity }, line);
    }
    output.record(
      { release: id ?? null, packages: ready.length, registry, dryRun },
      summary(ready.length, id, registry),
    );
    return 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function summary(count: number, id: string | undefined, registry: string): string {
  return id === undefined
    ? `would release ${count} packages to ${registry}`
    : `released ${count} packages at ${registry} as ${id}`;
}

/** The packages that the arguments name; a folder without a package.json stands for the .tgz files in it. @throws UsageError */
async function sourcesOf(cwd: string, named: readonly string[]): Promise<readonly Source[]> {
  const found = await Promise.all(
    named.map(async (one) => {
      const source = await sourceOf(cwd, one);
      const files = source.kind === "folder" ? await readdir(source.path) : [];
      if (source.kind === "tarball" || files.includes("package.json")) return [source];
      const tarballs = files.filter((file) => /\.(?:tgz|tar\.gz)$/.test(file)).toSorted();
      if (tarballs.length === 0)
        throw new UsageError(
          `${source.path} has neither a package.json nor .tgz files; "npm pack --workspaces" makes them`,
        );
      return tarballs.map((file): Source => ({ kind: "tarball", path: resolve(source.path, file) }));
    }),
  );
  return found.flat();
}

/** A release is one request, so it has one registry. @throws UsageError */
function oneRegistry(ready: readonly Ready[]): string {
  const registries = new Set(
    ready.map(({ packed: { manifest }, options }) =>
      npmFetch.pickRegistry(npa.resolve(manifest.name, manifest.version), options),
    ),
  );
  const [registry = "", other] = registries;
  if (other !== undefined)
    throw new UsageError(`a release goes to one registry; these packages are of ${registry} and ${other}`);
  return registry;
}

/** The document of a package's publish: it names an upload where the registry takes uploads, else it has the tarball itself. */
async function documentToSend(
  { clock, signal, output }: PublishPorts,
  ready: Ready,
  registry: string,
): Promise<object> {
  const { packed, tag, options } = ready;
  const place = await askForUpload(packed, options);
  if (!place) return withData(packed, documentOf(packed, {}, tag, registry));
  const { name } = packed.manifest;
  await upload(place, packed, {
    clock,
    signal,
    onBytes: (sent) => output.progress(`uploading ${name}: ${bytes(sent)} of ${bytes(packed.size)} …`),
  });
  return documentOf(packed, { staged: place.upload }, tag, registry);
}

type MoveSettings = {
  readonly tag: string;
  /** `@acme/wire@2.0.0`. */
  readonly packages: readonly string[];
  readonly why: Reason;
  readonly dryRun: boolean;
  readonly options: Options;
};

/**
 * Points one tag of several packages at a version each: all of them move, or none.
 *
 * @example await moveTag(ports, { tag: "latest", packages: ["@acme/wire@2.0.0"], why: {}, dryRun: false, options })
 */
export async function moveTag(ports: PublishPorts, settings: MoveSettings): Promise<ExitCode> {
  const { tag, why, dryRun, options } = settings;
  const problem = tagProblem(tag);
  if (problem !== undefined) throw new UsageError(problem);
  const moves = settings.packages.map(moveOf);
  const packages = moves.map(({ name, version }) => ({ name, "dist-tags": { [tag]: version } }));
  const id = await sendRelease(ports, options, { packages, dryRun }, why);
  for (const { name, version } of moves)
    ports.output.record({ package: name, tag, version }, `+${tag}: ${name}@${version}`);
  const said = id === undefined ? `would move "${tag}"` : `moved "${tag}" as ${id}`;
  ports.output.record({ release: id ?? null, packages: moves.length, dryRun }, `${said} of ${moves.length} packages`);
  return 0;
}

function moveOf(argument: string): { readonly name: string; readonly version: string } {
  const at = argument.lastIndexOf("@");
  const [name, version] = at > 0 ? [argument.slice(0, at), argument.slice(at + 1)] : [argument, ""];
  const problem = versionProblem(version);
  if (problem !== undefined)
    throw new UsageError(`name each package with its version, as @acme/wire@2.0.0: ${problem}`);
  return { name, version };
}
