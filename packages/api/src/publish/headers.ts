import { Header } from "tar";
import { isManifestPath } from "./entries.ts";

/** tar's unit: headers, contents and the end all fill whole blocks. */
export const BLOCK = 512;
/** Where a header of POSIX's format says so, and how. Readers differ on the prefix of any other. */
const MAGIC = { from: 257, to: 265, text: "ustar\u000000" } as const;
const PREFIX = { from: 345, to: 500 } as const;
/** What has no contents; some readers skip those that a header states all the same, others take them for the next header. */
const BODILESS = new Set(["Link", "SymbolicLink", "Directory"]);
const EXTENDED = new Set(["ExtendedHeader", "OldExtendedHeader", "GlobalExtendedHeader"]);
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
    if (block.toString("latin1", MAGIC.from, MAGIC.to) !== MAGIC.text && !isZero(block, PREFIX))
      return "one of its headers has a prefix, but is not of POSIX's format";
    if (BODILESS.has(type) && rawSize(block) !== 0) return "one of its links or folders has contents";
    if (GNU_LONG.has(type)) return "it has long names in GNU's format";
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
  const path = extension.get("path");
  const named = header.path ?? "";
  if (path !== undefined && path !== named && (isManifestPath(path) || isManifestPath(named)))
    return "an extended header contradicts the path of package.json";
  return undefined;
}

/** The size as the header states it: tar's reader shows none for a folder. */
function rawSize(block: Buffer): number {
  return isZero(block, { from: 124, to: 136 }) ? 0 : Number.parseInt(block.toString("latin1", 124, 136), 8);
}

function isZero(block: Buffer, { from, to }: { readonly from: number; readonly to: number }): boolean {
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
