import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Header, type HeaderData } from "tar";

export type MadeTarball = { readonly bytes: Buffer; readonly integrity: string; readonly shasum: string };

/**
 * A real package tarball, made in memory.
 *
 * @example const { bytes, integrity } = makeTarball({ name: "wire", version: "1.0.0" });
 * @param options.files more files, by their path in the package. `manifest` is merged into package.json.
 */
export function makeTarball(options: {
  readonly name: string;
  readonly version: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string | Buffer>>;
}): MadeTarball {
  const { name, version, manifest = {}, files = {} } = options;
  const all = { "package.json": JSON.stringify({ name, version, ...manifest }), ...files };
  const archive = makeArchive(
    Object.fromEntries(Object.entries(all).map(([path, content]) => [`package/${path}`, content])),
  );
  return digested(gzipSync(archive));
}

/** A tar archive of these files, uncompressed: for tarballs that are wrong in some way. */
export function makeArchive(files: Readonly<Record<string, string | Buffer>>): Buffer {
  return archiveOf(Object.entries(files).map(([path, content]) => ({ path, content })));
}

export type MadeEntry = {
  readonly path: string;
  readonly content?: string | Buffer;
  /** As tar's `Header` names it. Default: `File`. */
  readonly type?: NonNullable<HeaderData["type"]>;
  /** Where a link leads. */
  readonly linkpath?: string;
};

/** A tar archive of entries of any kind. */
export function archiveOf(entries: readonly MadeEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, content = "", type = "File", linkpath }) => {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    const link = linkpath === undefined ? {} : { linkpath };
    new Header({ path, size: body.length, type, mode: 0o644, mtime: new Date(0), ...link }).encode(header, 0);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Bytes with the digests that a publish states. */
export function digested(bytes: Buffer): MadeTarball {
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  return { bytes, integrity, shasum: createHash("sha1").update(bytes).digest("hex") };
}
