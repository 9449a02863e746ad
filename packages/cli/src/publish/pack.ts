import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createHasher } from "@codebox/core";
import Arborist from "@npmcli/arborist";
import runScript from "@npmcli/run-script";
import pacote from "pacote";
import { UsageError } from "../errors.ts";

/** A package as it is about to be published: its tarball in a file, and what a publish says of it. */
export type Packed = {
  readonly manifest: Manifest;
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly integrity: string;
  readonly shasum: string;
};
export type Manifest = { readonly name: string; readonly version: string; readonly [field: string]: unknown };
/** What is to be published: a folder with a package.json, or a tarball that is packed already. */
export type Source = { readonly kind: "folder" | "tarball"; readonly path: string };
type Options = Readonly<Record<string, unknown>>;

/** What `codebox publish <argument>` names. @throws UsageError when it is neither. */
export async function sourceOf(cwd: string, argument: string): Promise<Source> {
  const path = resolve(cwd, argument);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found?.isDirectory()) return { kind: "folder", path };
  if (found?.isFile() && /\.(?:tgz|tar\.gz)$/.test(path)) return { kind: "tarball", path };
  throw new UsageError(`${path} is neither a folder nor a .tgz; name the package's folder, or what "npm pack" made`);
}

/** The manifest as npm prepares it for publishing, the readme included. */
async function readManifest({ path }: Source, options: Options): Promise<Manifest> {
  const manifest = await pacote.manifest(path, {
    ...options,
    Arborist,
    allowDirectory: "all",
    _isRoot: true,
    fullMetadata: true,
    fullReadJson: true,
  });
  // Where it lay on this machine is nobody's business.
  const { _resolved, _from, _integrity, ...fields } = manifest;
  return fields as Manifest;
}

/**
 * Packs a folder into a file as `npm publish` does, its scripts included; a tarball is taken as it is.
 *
 * @param scratch a directory that the caller removes.
 * The tarball streams to the disk and is hashed from there: memory does not grow with it.
 */
export async function pack(source: Source, options: Options, scratch: string): Promise<Packed> {
  const manifest = await readManifest(source, options);
  if (source.kind === "tarball") return { manifest, file: source.path, ...(await digests(source.path)) };
  await script(source, options, manifest, "prepublishOnly");
  await script(source, options, manifest, "prepack");
  const file = join(scratch, "package.tgz");
  await pacote.tarball.file(source.path, file, { ...options, Arborist, allowDirectory: "all", _isRoot: true });
  await script(source, options, manifest, "postpack");
  // Scripts may have changed it.
  return { manifest: await readManifest(source, options), file, ...(await digests(file)) };
}

/** Runs one of the package's scripts, as npm does; what it prints goes to stderr. Nothing for a tarball, or a script that is not there. */
export async function script(source: Source, options: Options, pkg: Manifest, event: string): Promise<void> {
  if (source.kind === "tarball" || options["ignoreScripts"] === true) return;
  const shell = options["scriptShell"];
  const scriptShell = typeof shell === "string" ? shell : undefined;
  await runScript({ event, path: source.path, pkg, scriptShell, stdio: ["inherit", 2, 2] });
}

async function digests(file: string): Promise<{ size: number; integrity: string; shasum: string }> {
  const hasher = createHasher(["sha512", "sha1"]);
  let size = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hasher.update(chunk);
    size += chunk.byteLength;
  }
  const { sha512, sha1 } = hasher.digest();
  return { size, integrity: String(sha512?.[0]), shasum: sha1?.[0]?.hexDigest() ?? "" };
}
