import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { archiveOf, type MadeEntry } from "@codebox/testing";

const BLOCK = 512;
const NAME = "wire";
const VERSION = "1.0.0";
const manifest = JSON.stringify({ name: NAME, version: VERSION });

/** Where a header has what. Source: POSIX, pax, "ustar Interchange Format". */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
  behind: [500, 12],
} as const;
type Field = keyof typeof FIELDS;

/** Fields of an extended header, as records. */
const pax = (...fields: readonly string[]): MadeEntry => {
  const content = fields.map((field) => {
    const length = Buffer.byteLength(field) + 2;
    return `${length + String(length + String(length).length).length} ${field}\n`;
  });
  return { path: "pax", type: "ExtendedHeader", content: content.join("") };
};

/** Few names, so that they meet: the same in other spellings, a file where a folder is, and what readers cut or normalise. */
const part = fc.constantFrom(
  "x",
  "X",
  "package.json",
  "Package.JSON",
  "index.js",
  "lib",
  ".",
  "..",
  "",
  "a b",
  "\u00e9",
  "e\u0301",
  "C:",
  "a\\b",
  "n".repeat(90),
  "readme.md",
  "x\u0000y",
);
const top = fc.oneof(
  { weight: 12, arbitrary: fc.constant("package") },
  { weight: 1, arbitrary: fc.constantFrom("other", ".", "", "package\\x", "Package") },
);
const path = fc
  .tuple(top, fc.array(part, { minLength: 0, maxLength: 3 }), fc.constantFrom("", "", "", "/"))
  .map(([first, more, end]) => [first, ...more].join("/") + end);
const safePath = fc
  .array(fc.constantFrom("x", "y", "lib", "index.js", "n".repeat(60)), { minLength: 1, maxLength: 3 })
  .map((parts) => `package/${parts.join("/")}`);
const content = fc.oneof(
  fc.constantFrom("", "a", manifest, "{}", "x".repeat(511), "x".repeat(512), "x".repeat(513)),
  fc.constant("nested").map(() => archiveOf([{ path: "package/package.json", content: '{"name":"evil"}' }])),
);
const type = fc.oneof(
  { weight: 8, arbitrary: fc.constant("File" as const) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<NonNullable<MadeEntry["type"]>>(
      "Directory",
      "SymbolicLink",
      "Link",
      "OldFile",
      "ContiguousFile",
      "FIFO",
      "CharacterDevice",
      "NextFileHasLongPath",
      "OldGnuLongPath",
      "SparseFile",
    ),
  },
);
const target = fc.oneof(path, fc.constantFrom("x", "../x", "/etc/passwd", "package/x", "package/package.json", "."));
const paxEntry = fc
  .array(
    fc.oneof(
      path.map((value) => `path=${value}`),
      target.map((value) => `linkpath=${value}`),
      fc.constantFrom(
        "size=0",
        "size=1",
        "size=512",
        "mtime=1",
        "comment=x",
        "comment=a\n30 path=package/package.json",
        "type=5",
        "SCHILY.dev=1",
      ),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((fields) => pax(...fields));
const entry: fc.Arbitrary<readonly MadeEntry[]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({ path: fc.oneof(path, safePath), content, type: fc.constant("File" as const) })
      .map((made) => [made]),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ path: fc.oneof(path, safePath), type, linkpath: target, content })
      .map(({ content: body, ...made }) => [made.type.endsWith("File") ? { ...made, content: body } : made]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(paxEntry, fc.boolean(), fc.record({ path, content }))
      .map(([header, global, made]) => [
        { ...header, ...(global ? { type: "GlobalExtendedHeader" as const } : {}) },
        made,
      ]),
  },
);

/** What is written into a field of a header: valid in some reader's eyes. */
const fieldValue = fc.oneof(
  fc.constantFrom(
    "\u0000",
    "\u0000x",
    "x\u0000\ny",
    "package/x\u0000\n/../../y",
    "package",
    "package/",
    "ustar\u000000",
    "ustar  \u0000",
    "\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000",
    "00000001000\u0000",
    "       1000 ",
    "\u000000000001000",
    "0000000000\u00005",
    "-0000000001\u0000",
    "00000000009\u0000",
    "\u0080\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0002\u0000",
    "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00fe\u0000",
    ..."01234567xgXLKSVDMNA9 ",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
type HeaderEdit = { readonly block: number; readonly field: Field; readonly value: string; readonly checked: boolean };
const headerEdit: fc.Arbitrary<HeaderEdit> = fc.record({
  block: fc.nat(12),
  field: fc.constantFrom(...(Object.keys(FIELDS) as Field[])),
  value: fieldValue,
  checked: fc.constantFrom(true, true, true, false),
});
type BlockEdit = { readonly kind: "insert" | "double" | "remove" | "cut"; readonly block: number };
const blockEdit: fc.Arbitrary<BlockEdit> = fc.record({
  kind: fc.constantFrom("insert", "double", "remove", "cut"),
  block: fc.nat(16),
});
type GzipEdit =
  | { readonly kind: "flag"; readonly flag: number }
  | { readonly kind: "member" | "zeros" | "text" | "split" | "stored" }
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "truncate"; readonly at: number };
const gzipEdit: fc.Arbitrary<GzipEdit> = fc.oneof(
  fc.record({ kind: fc.constant("flag" as const), flag: fc.nat(31) }),
  fc.record({ kind: fc.constantFrom("member", "zeros", "text", "split", "stored") }),
  fc.record({ kind: fc.constant("flip" as const), at: fc.nat(4096), bit: fc.nat(7) }),
  fc.record({ kind: fc.constant("truncate" as const), at: fc.nat(4096) }),
);

export type TarballInput = {
  readonly before: readonly MadeEntry[];
  readonly after: readonly MadeEntry[];
  readonly headers: readonly HeaderEdit[];
  readonly blocks: readonly BlockEdit[];
  readonly gzip: readonly GzipEdit[];
};
const entries = fc.array(entry, { maxLength: 3 }).map((groups) => groups.flat());

/** A tarball with a good package.json, some entries around it, and a few edits of its headers, blocks and compressed bytes. */
export const tarballInput: fc.Arbitrary<TarballInput> = fc.record({
  before: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: entries }),
  after: entries,
  headers: fc.oneof(
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(headerEdit, { maxLength: 2 }) },
  ),
  blocks: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(blockEdit, { maxLength: 2 }) },
  ),
  gzip: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(gzipEdit, { maxLength: 2 }) },
  ),
});

/** The bytes of a tarball that a generator described. */
export function tarballOf({ before, after, headers, blocks, gzip }: TarballInput): Buffer {
  const made = archiveOf([...before, { path: "package/package.json", content: manifest }, ...after]);
  const archive = blocks.reduce(editBlocks, headers.reduce(editHeader, made));
  return gzip.reduce<Buffer>((bytes, edit) => editGzip(bytes, archive, edit), gzipSync(archive));
}

/** Writes a field of a header, and its checksum. */
function editHeader(archive: Buffer, { block, field, value, checked }: HeaderEdit): Buffer {
  const start = (block % Math.max(1, archive.length / BLOCK)) * BLOCK;
  const [offset, length] = FIELDS[field];
  const changed = Buffer.from(archive);
  changed.write(value.slice(0, length), start + offset, "latin1");
  if (!checked) return changed;
  changed.fill(" ", start + 148, start + 156);
  const sum = changed.subarray(start, start + BLOCK).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, start + 148, "latin1");
  return changed;
}

function editBlocks(archive: Buffer, { kind, block }: BlockEdit): Buffer {
  const at = (block % Math.max(1, Math.floor(archive.length / BLOCK))) * BLOCK;
  const [head, one, tail] = [archive.subarray(0, at), archive.subarray(at, at + BLOCK), archive.subarray(at + BLOCK)];
  switch (kind) {
    case "insert":
      return Buffer.concat([head, Buffer.alloc(BLOCK), one, tail]);
    case "double":
      return Buffer.concat([head, one, one, tail]);
    case "remove":
      return Buffer.concat([head, tail]);
    case "cut":
      return head;
  }
}

/** Optional parts of a gzip header: text, checksum, extra field, name, comment. Source: RFC 1952, 2.3. */
function withFlags(bytes: Buffer, flag: number): Buffer {
  if (bytes.length < 10) return bytes;
  const head = Buffer.from(bytes.subarray(0, 10));
  head[3] = flag;
  const parts = [
    head,
    flag & 4 ? Buffer.from([3, 0, 1, 2, 3]) : "",
    flag & 8 ? "wire.tar\0" : "",
    flag & 16 ? "comment\0" : "",
    flag & 2 ? Buffer.from([0, 0]) : "",
    bytes.subarray(10),
  ];
  return Buffer.concat(parts.map((each) => Buffer.from(each as string)));
}

function editGzip(bytes: Buffer, archive: Buffer, edit: GzipEdit): Buffer {
  switch (edit.kind) {
    case "flag":
      return withFlags(bytes, edit.flag);
    case "member":
      return Buffer.concat([bytes, gzipSync(archive)]);
    case "zeros":
      return Buffer.concat([bytes, Buffer.alloc(BLOCK)]);
    case "text":
      return Buffer.concat([bytes, Buffer.from("more")]);
    case "split":
      return Buffer.concat([gzipSync(archive.subarray(0, BLOCK)), gzipSync(archive.subarray(BLOCK))]);
    case "stored":
      return gzipSync(archive, { level: 0 });
    case "truncate":
      return bytes.subarray(0, edit.at % (bytes.length + 1));
    case "flip": {
      const flipped = Buffer.from(bytes);
      const at = edit.at % Math.max(1, bytes.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << edit.bit);
      return flipped;
    }
  }
}
