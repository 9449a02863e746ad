import { posix } from "node:path";
import { Parser, type ReadEntry } from "tar";
import type { Reader } from "./reader.ts";

/** yarn's rules over tar's own parser, which yarn uses too. Source: @yarnpkg/core, sources/tgzUtils.ts, `extractArchiveTo`. */
export const yarnReader: Reader = (tarball) =>
  new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>();
    const taken: Promise<void>[] = [];
    const take = async (entry: ReadEntry) => {
      const path = posix.normalize(entry.path).replace(/\/$/, "").split("/").slice(1).join("/");
      const body = await entry.concat();
      if (isTaken(entry)) files.set(path, Buffer.from(body));
    };
    const parser = new Parser({ onReadEntry: (entry) => void taken.push(take(entry)) });
    parser.on("error", reject);
    parser.on("close", () => void Promise.all(taken).then(() => resolve(files), reject));
    parser.end(tarball);
  });

function isTaken({ path, type }: ReadEntry): boolean {
  if (path.startsWith("/") || path.split("/").includes("..")) return false;
  if (posix.normalize(path).replace(/\/$/, "").split("/").length <= 1) return false;
  return type === "File" || type === "OldFile";
}
