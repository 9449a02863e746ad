import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import {
  isRecord,
  README_MAX,
  TAR_PADDING_MAX,
  TARBALL_ENTRIES_MAX,
  UNPACKED_BYTES_MAX,
  UNPACKED_FREE_BYTES,
  UNPACKED_RATIO_MAX,
} from "@codebox/core";
import { ApiError } from "../errors.ts";
import { createEntryRules, isFile, isManifestPath } from "./entries.ts";
import { BLOCK, createHeaderRules } from "./headers.ts";

/** The package.json inside a tarball may be so large, in bytes. */
const PACKED_MANIFEST_BYTES_MAX = 2 * 1024 * 1024;
/** An extended header (a long path, times) may be so large, in bytes; npm's own have a few hundred. */
const EXTENDED_BYTES_MAX = 64 * 1024;
/** zlib hands its output over in pieces of this size; other work gets its turn between two of them. */
const PIECE_BYTES = 64 * 1024;

export type ArchiveLimits = {
  readonly unpackedBytesMax?: number;
  readonly unpackedFreeBytes?: number;
  readonly unpackedRatioMax?: number;
};

export type Archive = {
  /** Takes the next bytes of the tarball. @throws ApiError once it is known to be none. */
  write(chunk: Uint8Array): Promise<void>;
  /** Returns what was in it. @throws ApiError when it is none, or ended early. */
  end(): Promise<ArchiveContent>;
  /** Lets go of zlib's memory. */
  close(): void;
};

export type ArchiveContent = {
  readonly fileCount: number;
  /** Bytes in the files, without tar's own. */
  readonly unpackedSize: number;
  /** What the tarball's own package.json says. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** The paths of its files, the top folder cut off. */
  readonly files: ReadonlySet<string>;
  /** The readme in its top folder. */
  readonly readme?: string;
};

/**
 * Reads a package's tarball as it streams in: gunzip on zlib's own threads, then tar's parser, strict, a block at a time.
 *
 * What follows the archive is bounded and must be zeros, and the gzip stream is one member with nothing behind it: readers
 * differ on all else (some stop after the first member), and must not see two packages in one tarball.
 */
export function createArchive(limits: ArchiveLimits): Archive {
  const { unpackedBytesMax = UNPACKED_BYTES_MAX } = limits;
  const { unpackedFreeBytes = UNPACKED_FREE_BYTES, unpackedRatioMax = UNPACKED_RATIO_MAX } = limits;
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  const blocks = createBlocks();
  let packed = 0;
  let unpacked = 0;
  /** The last bytes that came: gzip ends with the length of what it holds (RFC 1952, 2.3.1, ISIZE). */
  let tail = Buffer.alloc(0);

  const read = async () => {
    try {
      for await (const piece of gunzip as AsyncIterable<Buffer>) {
        unpacked += piece.byteLength;
        if (unpacked > unpackedBytesMax) throw unpacksTooLarge(`more than ${unpackedBytesMax} bytes`);
        if (unpacked > Math.max(unpackedFreeBytes, unpackedRatioMax * packed))
          throw unpacksTooLarge(`more than ${unpackedRatioMax} times its size, and over ${unpackedFreeBytes} bytes`);
        blocks.take(piece);
      }
    } catch (error) {
      throw error instanceof ApiError ? error : notATarball(error instanceof Error ? error.message : "it is damaged");
    }
  };
  const reading = read();
  // It is awaited below; until then its failure waits.
  reading.catch(() => {});

  return {
    async write(chunk) {
      packed += chunk.byteLength;
      tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
      if (gunzip.readableEnded) throw behindTheEnd();
      if (gunzip.destroyed || gunzip.write(chunk)) return gunzip.destroyed ? reading : undefined;
      const drained = Promise.withResolvers<void>();
      gunzip.once("drain", drained.resolve);
      await Promise.race([drained.promise, reading]);
      gunzip.off("drain", drained.resolve);
    },
    async end() {
      gunzip.end();
      await reading;
      if (gunzip.bytesWritten !== packed || tail.readUInt32LE() !== unpacked % 2 ** 32) throw behindTheEnd();
      return blocks.end();
    },
    close: () => void gunzip.destroy(),
  };
}

/** Cuts the archive into tar's blocks, and gives the parser none behind the archive's end. */
function createBlocks() {
  const entries = createEntries();
  let rest = Buffer.alloc(0);
  let padding = 0;
  const pad = (bytes: Buffer) => {
    padding += bytes.byteLength;
    if (padding > TAR_PADDING_MAX || bytes.some((byte) => byte !== 0))
      throw notATarball(`behind the archive's end is more than ${TAR_PADDING_MAX} bytes of zeros, or something else`);
  };
  return {
    take(piece: Buffer) {
      const bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece]);
      let at = 0;
      for (; !entries.ended() && at + BLOCK <= bytes.byteLength; at += BLOCK)
        entries.take(bytes.subarray(at, at + BLOCK));
      if (entries.ended()) pad(bytes.subarray(at));
      rest = entries.ended() ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    },
    end: () => entries.end(rest),
  };
}

/** tar's own parser, and what is asked of a package's entries. */
function createEntries() {
  const rules = createEntryRules();
  const headers = createHeaderRules();
  const manifests: Buffer[][] = [];
  const files = new Set<string>();
  const readme = createReadme();
  let failure: ApiError | undefined;
  let entryCount = 0;
  let fileCount = 0;
  let unpackedSize = 0;
  let ended = false;
  const fail = (error: ApiError) => {
    failure ??= error;
  };
  const onEntry = (entry: ReadEntry) => {
    if (++entryCount > TARBALL_ENTRIES_MAX)
      fail(new ApiError("too_large", `the tarball has more than ${TARBALL_ENTRIES_MAX} entries`));
    fileCount += entry.type === "Directory" ? 0 : 1;
    unpackedSize += entry.header.size ?? 0;
    const problem = rules.problem(entry);
    if (problem !== undefined) fail(notATarball(problem));
    const path = entry.path.slice(entry.path.indexOf("/") + 1);
    if (entry.type !== "Directory") files.add(path);
    if (isFile(entry)) readme.take(path, entry);
    if (isFile(entry) && isManifestPath(entry.path)) {
      const pieces: Buffer[] = [];
      manifests.push(pieces);
      if ((entry.header.size ?? 0) > PACKED_MANIFEST_BYTES_MAX) fail(notATarball("its package.json is too large"));
      else entry.on("data", (piece) => pieces.push(piece));
    }
    entry.resume();
  };
  const parser = new Parser({
    strict: true,
    // The bytes that come here are no longer compressed, whatever they look like.
    brotli: false,
    zstd: false,
    maxMetaEntrySize: EXTENDED_BYTES_MAX,
    onReadEntry: onEntry,
  });
  parser.on("error", (error: Error) => fail(notATarball(error.message)));
  parser.on("eof", () => {
    ended = true;
  });
  parser.on("ignoredEntry", (entry: ReadEntry) =>
    fail(notATarball(`its entry ${JSON.stringify(entry.path.slice(0, 200))} is of a kind that packages do not have`)),
  );
  /** What the parser throws, rather than emits, is a fault of the archive too. */
  const guarded = (step: () => void) => {
    try {
      step();
    } catch (error) {
      throw failure ?? notATarball(error instanceof Error ? error.message : "it is damaged");
    }
    if (failure) throw failure;
  };
  return {
    ended: () => ended,
    take: (block: Buffer) =>
      guarded(() => {
        const problem = headers.problem(block);
        if (problem !== undefined) fail(notATarball(problem));
        else parser.write(block);
      }),
    end(rest: Buffer): ArchiveContent {
      guarded(() => void (rest.byteLength > 0 ? parser.end(rest) : parser.end()));
      if (!headers.ended()) throw notATarball("it has no end");
      const [found, ...others] = manifests;
      if (!found) throw notATarball("it has no package.json in its top folder");
      if (others.length > 0) throw notATarball("it has more than one package.json in a top folder");
      const text = readme.text();
      const manifest = manifestOf(Buffer.concat(found));
      return { fileCount, unpackedSize, manifest, files, ...(text === undefined ? {} : { readme: text }) };
    },
  };
}

/** Keeps the beginning of the readme, of the one in Markdown when there are several. Source: @npmcli/package-json, lib/normalize.js. */
function createReadme() {
  let chosen: { readonly path: string; readonly pieces: Buffer[] } | undefined;
  return {
    take(path: string, entry: ReadEntry) {
      if (!/^readme(?:\.[^/]*)?$/i.test(path) || (chosen && !(isMarkdown(path) && !isMarkdown(chosen.path)))) return;
      const pieces: Buffer[] = [];
      let size = 0;
      chosen = { path, pieces };
      entry.on("data", (piece) => {
        // A character has at most four bytes.
        if (size < 4 * README_MAX) pieces.push(piece);
        size += piece.byteLength;
      });
    },
    text: () => chosen && Buffer.concat(chosen.pieces).toString("utf8").slice(0, README_MAX),
  };
}

function isMarkdown(path: string): boolean {
  return /\.(?:md|markdown)$/i.test(path);
}

function manifestOf(bytes: Buffer): Record<string, unknown> {
  try {
    const manifest: unknown = JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, ""));
    if (isRecord(manifest)) return manifest;
  } catch {
    throw notATarball("its package.json is not JSON");
  }
  throw notATarball("its package.json is not an object");
}

function behindTheEnd(): ApiError {
  return notATarball("it must be one gzip stream with nothing behind it");
}

function unpacksTooLarge(what: string): ApiError {
  return new ApiError("too_large", `the tarball unpacks to ${what}; leave files out with "files" in package.json`);
}

export function notATarball(why: string): ApiError {
  return new ApiError("invalid", `the attachment is not a package's tarball: ${why}; pack it with "npm pack"`);
}
