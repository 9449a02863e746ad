import { Header } from "tar";
import { isManifestPath } from "./entries.ts";

/** tar's unit: headers, contents and the end all fill whole blocks. */
export const BLOCK = 512;
/** Where a header of POSIX's format says so, and how. Readers differ on the prefix of any other. */
const MAGIC = { from: 257, to: 265, text: "ustar\u000000" } as const;
const PREFIX = { from: 345, to: 500 } as const;
const SIZE = { from: 124, to: 136 } as const;
/** The fields with text that a zero ends: name, link name, prefix. */
const TEXTS = [{ from: 0, to: 100 }, { from: 157, to: 257 }, PREFIX] as const;
/** What has no contents; some readers skip those that a header states all the same, others take them for the next header. */
const BODILESS = new Set(["Link", "SymbolicLink", "Directory"]);
const EXTENDED = new Set(["ExtendedHeader", "GlobalExtendedHeader"]);
/** For npm and yarn a file whose path ends with a slash is a folder, as in the first tar; for pnpm it is a file. */
const NO_FOLDER = "one of its files has a path that ends with a slash";
/** GNU's own headers for long names: pnpm and yarn do not read them. */
const GNU_LONG = new Set(["OldGnuLongPath", "NextFileHasLongPath", "NextFileHasLongLinkpath"]);

/**
 * Judges the blocks of one archive, in their order: `problem` names what two readers (npm, pnpm, yarn) would read differently.
 *
 * Its entries are judged by `createEntryRules`.
 * @example createHeaderRules().problem(block) // "one of its links has contents"
 */
export function createHeaderRules() {
  let bodyBlocks = 0;
  let ended = false;
  let collected: { readonly header: Header; readonly blocks: Buffer[] } | undefined;
  let extension: ReadonlyMap<string, string> | undefined;

  const atHeader = (block: Buffer): string | undefined => {
    const header = new Header(block, 0);
    if (header.nullBlock) {
      ended = true;
      return undefined;
    }
    if (ended) return "it has entries behind a block of zeros";
    const { type } = header;
    const size = header.size ?? 0;
    // For pnpm a zero here is the archive's end.
    if (block[0] === 0) return "one of its headers has no name";
    if (TEXTS.some((field) => hasLineAfterEnd(block, field)))
      return "one of its headers has a line break after the end of a text";
    if (!isOctal(block, SIZE)) return "one of its headers has a size that is no octal number";
    if (block.toString("latin1", MAGIC.from, MAGIC.to) !== MAGIC.text && !isZero(block, PREFIX))
      return "one of its headers has a prefix, but is not of POSIX's format";
    if (BODILESS.has(type) && rawSize(block) !== 0) return "one of its links or folders has contents";
    if (GNU_LONG.has(type)) return "it has long names in GNU's format";
    if (type === "OldExtendedHeader") return "it has an extended header of an outdated kind";
    if (type === "Directory" && block.toString("latin1", 156, 157) !== "5") return NO_FOLDER;
    bodyBlocks = Math.ceil(size / BLOCK);
    if (EXTENDED.has(type)) {
      if (extension) return "it has two extended headers for one entry";
      collected = { header, blocks: [] };
      return undefined;
    }
    const problem = extension && contradiction(header, extension);
    extension = undefined;
    return problem;
  };

  const atExtension = ({ header, blocks }: { readonly header: Header; readonly blocks: Buffer[] }) => {
    const records = recordsOf(Buffer.concat(blocks).subarray(0, header.size ?? 0));
    if (!records) return "one of its extended headers is malformed";
    if (header.type !== "GlobalExtendedHeader") extension = records;
    else if (["path", "linkpath", "size"].some((key) => records.has(key)))
      return "an extended header gives all its entries one path or size";
    return undefined;
  };

  return {
    /** Whether the archive's end was read. pnpm reads no archive without one. */
    ended: () => ended,
    problem(block: Buffer): string | undefined {
      if (bodyBlocks === 0) return atHeader(block);
      bodyBlocks--;
      // The archive's reader may use the block's memory again.
      collected?.blocks.push(Buffer.from(block));
      if (bodyBlocks > 0 || !collected) return undefined;
      const done = collected;
      collected = undefined;
      return atExtension(done);
    },
  };
}

/** A reader that does not know extended headers takes the entry's own name and size. It must not find another package.json. */
function contradiction(header: Header, extension: ReadonlyMap<string, string>): string | undefined {
  const size = extension.get("size");
  if (size !== undefined && Number(size) !== (header.size ?? 0))
    return "an extended header contradicts an entry's size";
  // npm looks for dots in every link's target, and leaves such a file out.
  if (extension.has("linkpath") && header.type !== "Link" && header.type !== "SymbolicLink")
    return "an extended header gives a target to an entry that is no link";
  const path = extension.get("path");
  if (path?.endsWith("/") && header.type !== "Directory") return NO_FOLDER;
  if (path?.includes("\0")) return "an extended header has a path with a character zero";
  const named = header.path ?? "";
  if (path !== undefined && path !== named && (isManifestPath(path) || isManifestPath(named)))
    return "an extended header contradicts the path of package.json";
  return undefined;
}

/** The size as the header states it: tar's reader shows none for a folder. */
function rawSize(block: Buffer): number {
  return isZero(block, SIZE) ? 0 : Number.parseInt(block.toString("latin1", SIZE.from, SIZE.to), 8);
}

type Range = { readonly from: number; readonly to: number };

/** Clients differ on binary numbers, signs, and a zero byte in front. All of them read an empty field as 0. */
function isOctal(block: Buffer, range: Range): boolean {
  const text = block.toString("latin1", range.from, range.to);
  // oxlint-disable-next-line no-control-regex -- zeros end the number
  return isZero(block, range) || /^ *[0-7]+[ \0]*$/.test(text);
}

/** npm and yarn end a text at its first zero, but read on after a line break. */
function hasLineAfterEnd(block: Buffer, { from, to }: Range): boolean {
  const text = block.subarray(from, to);
  const end = text.indexOf(0);
  return end >= 0 && text.includes("\n", end);
}

function isZero(block: Buffer, { from, to }: Range): boolean {
  return block.subarray(from, to).every((byte) => byte === 0);
}

/** `<length> <key>=<value>\n`, each key once. Some readers look for a key anywhere: a value has no line break. Source: POSIX, pax, "Extended Header". */
function recordsOf(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(" ", at);
    const digits = bytes.toString("latin1", at, space);
    if (space < 0 || !/^[1-9]\d{0,5}$/.test(digits)) return undefined;
    const end = at + Number(digits);
    const [, key, value] = /^([^=\n]+)=([^\n]*)\n$/.exec(bytes.toString("utf8", space + 1, end)) ?? [];
    if (end > bytes.length || key === undefined || value === undefined || records.has(key)) return undefined;
    records.set(key, value);
    at = end;
  }
  return records;
}
