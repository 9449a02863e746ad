import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archiveOf, digested, type MadeEntry } from "@codebox/testing";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const manifest = JSON.stringify({ name: "wire", version: "1.0.0" });
const good: MadeEntry = { path: "package/package.json", content: manifest };
const evil = JSON.stringify({ name: "wire", version: "1.0.0", scripts: { postinstall: "evil" } });
const publish = (archive: Buffer) =>
  registry.send("PUT", "/wire", publishBody("wire", "1.0.0", { tarball: digested(gzipSync(archive)) }));

/** Changes an entry's header in place, and its checksum with it. */
function altered(archive: Buffer, at: number, bytes: string): Buffer {
  const changed = Buffer.from(archive);
  const start = Math.floor(at / 512) * 512;
  changed.write(bytes, at, "latin1");
  changed.fill(" ", start + 148, start + 156);
  const sum = changed.subarray(start, start + 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, start + 148, "latin1");
  return changed;
}
const pax = (...fields: string[]): MadeEntry => {
  const content = fields.map((field) => {
    const length = Buffer.byteLength(field) + 2;
    return `${length + String(length + String(length).length).length} ${field}\n`;
  });
  return { path: "pax", type: "ExtendedHeader", content: content.join("") };
};
const withoutEnd = (archive: Buffer) => archive.subarray(0, archive.length - 1024);
/** The last header of an archive whose last entry is empty. */
const lastHeader = (archive: Buffer) => archive.length - 1024 - 512;

const empty = archiveOf([good, { path: "package/x" }]);

describe("a tarball that readers would read differently is refused", () => {
  const linked = archiveOf([good, { path: "package/x", type: "Link", linkpath: "package/package.json" }]);
  test.each<[string, Buffer]>([
    ["a package.json beside the top folder", archiveOf([good, { path: "package.json", content: evil }])],
    [
      "a package.json beside the top folder that comes first",
      archiveOf([{ path: "package.json", content: evil }, good]),
    ],
    ["any file beside the top folder", archiveOf([good, { path: "index.js" }])],
    ["a second top folder", archiveOf([good, { path: "other/index.js" }])],
    ["a second package.json", archiveOf([good, { path: "package/package.json", content: evil }])],
    ["a second package.json, spelt otherwise", archiveOf([good, { path: "package/.//package.json", content: evil }])],
    ["a backslash in a path", archiveOf([good, { path: "package/a\\b" }])],
    ["a package.json behind a backslash", archiveOf([good, { path: "package\\package.json", content: evil }])],
    ["a hard link with contents", altered(linked, lastHeader(linked) + 124, "00000001000\0")],
    [
      "a path in an extended header that makes a package.json",
      archiveOf([good, pax("path=package/package.json"), { path: "package/x", content: evil }]),
    ],
    ["a path in an extended header that hides a package.json", archiveOf([pax("path=package/x"), good])],
    [
      "a path inside another field",
      archiveOf([good, pax("comment=a\n30 path=package/package.json"), { path: "package/x" }]),
    ],
    ["a size in an extended header that contradicts", archiveOf([good, pax("size=512"), { path: "package/x" }])],
    [
      "two extended headers for one entry",
      archiveOf([good, pax("path=package/y"), pax("mtime=1"), { path: "package/x" }]),
    ],
    ["a path for all entries", archiveOf([{ ...pax("path=package/x"), type: "GlobalExtendedHeader" }, good])],
    [
      "a prefix without ustar's magic",
      altered(altered(empty, lastHeader(empty) + 257, "\0".repeat(8)), lastHeader(empty) + 345, "package"),
    ],
    [
      "a prefix with GNU's magic",
      altered(altered(empty, lastHeader(empty) + 257, "ustar  \0"), lastHeader(empty) + 345, "package"),
    ],
    [
      "entries behind a block of zeros",
      Buffer.concat([withoutEnd(archiveOf([good])), Buffer.alloc(512), archiveOf([{ path: "package/x" }])]),
    ],
    ["the same path twice", archiveOf([good, { path: "package/x" }, { path: "package/x" }])],
    ["paths that differ in case only", archiveOf([good, { path: "package/x" }, { path: "package/X" }])],
    ["a Package.json beside package.json", archiveOf([good, { path: "package/Package.JSON", content: evil }])],
    [
      "paths that differ in Unicode's form only",
      archiveOf([
        good,
        pax("path=package/\u00e9"),
        { path: "package/1" },
        pax("path=package/e\u0301"),
        { path: "package/2" },
      ]),
    ],
    [
      "a file with the path of a folder",
      archiveOf([good, { path: "package/x/", type: "Directory" }, { path: "package/x" }]),
    ],
    ["a file below a file", archiveOf([good, { path: "package/x" }, { path: "package/x/y" }])],
    [
      "a file with the path of a folder that no entry names",
      archiveOf([good, { path: "package/x/y" }, { path: "package/X" }]),
    ],
    [
      "a link with the path of such a folder",
      archiveOf([good, { path: "package/x/y" }, { path: "package/x", type: "SymbolicLink", linkpath: "y" }]),
    ],
    ["a file whose path ends as a folder's", archiveOf([good, { path: "package/x/" }])],
    [
      "an extended header that makes a folder of a file",
      archiveOf([good, pax("path=package/x/"), { path: "package/x", content: "x".repeat(512) }]),
    ],
    [
      "a link's target in the extended header of a file",
      archiveOf([good, pax("linkpath=../x"), { path: "package/x" }]),
    ],
    ["a link's target in the header of a file", archiveOf([good, { path: "package/x", linkpath: "../x" }])],
    ["no end", withoutEnd(archiveOf([good]))],
    ["a top folder that is none", archiveOf([{ path: "./package.json", content: manifest }])],
    ["a contiguous file", archiveOf([good, { path: "package/x", type: "ContiguousFile" }])],
    [
      "an extended header of an old kind",
      archiveOf([good, { ...pax("comment=x"), type: "OldExtendedHeader" }, { path: "package/x" }]),
    ],
    ["a path with a character zero", archiveOf([good, pax("path=package/x\0y"), { path: "package/x" }])],
    [
      "a header whose name is empty",
      altered(altered(empty, lastHeader(empty), "\0"), lastHeader(empty) + 345, "package"),
    ],
    ["a line break behind the end of a name", altered(empty, lastHeader(empty) + 10, "\0\n/y")],
    ["a line break behind the end of a prefix", altered(empty, lastHeader(empty) + 345, "package\0\n/y")],
    ["a size in binary", altered(empty, lastHeader(empty) + 124, "\x80".padEnd(12, "\0"))],
    ["a size behind a zero", altered(empty, lastHeader(empty) + 124, "\x0000000001000")],
    ["a size below zero", altered(empty, lastHeader(empty) + 124, "-0000000001\0")],
  ])("%s", async (_, archive) => {
    const response = await publish(archive);
    expect(await errorOf(response)).toContain("not a package's tarball");
    expect(response.status).toBe(400);
    expect(await registry.keys()).toEqual([]);
  });
});

describe("a tarball that all readers read alike is published", () => {
  const long = `package/${"n/".repeat(100)}x`;
  test.each<[string, Buffer]>([
    [
      "with a folder twice",
      archiveOf([good, { path: "package/x/", type: "Directory" }, { path: "package/x/", type: "Directory" }]),
    ],
    ["with the top folder as an entry", archiveOf([{ path: "package", type: "Directory" }, good])],
    [
      "with a long path, as pnpm packs it",
      archiveOf([good, pax(`path=${long}`, "size=1"), { path: "PaxHeader", content: "x" }]),
    ],
    [
      "with a commit in a global header, as git packs it",
      archiveOf([{ ...pax("comment=abc"), type: "GlobalExtendedHeader" }, good]),
    ],
    [
      "with a folder that its files come before",
      archiveOf([good, { path: "package/x/y" }, { path: "package/x/", type: "Directory" }]),
    ],
    ["with a size in spaces", altered(empty, lastHeader(empty) + 124, "          0 ")],
    ["with a long path in a prefix", archiveOf([good, { path: `package/${"n".repeat(90)}/${"m".repeat(90)}` }])],
  ])("%s", async (_, archive) => {
    const response = await publish(archive);
    expect(await response.json()).toMatchObject({ success: true });
  });
});
