import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ROOT } from "../../support/registry.ts";
import type { Reader } from "./reader.ts";

type Parse = (tar: Buffer) => {
  readonly files: ReadonlyMap<string, { readonly offset: number; readonly size: number }>;
};

/** Where pnpm's bundle begins its own part. Before it, all is definitions. */
const START = "// ../worker/lib/worker.js";

/** pnpm's own reader, out of the bundle of the installed pnpm: it exports nothing. */
const parse: Parse = (() => {
  const file = join(ROOT, "node_modules/pnpm/dist/worker.js");
  const text = readFileSync(file, "utf8");
  const definitions = text.slice(0, text.lastIndexOf(START));
  // oxlint-disable-next-line no-new-func -- this is the code of the installed client
  const load = new Function("require", "exports", "module", `${definitions}\nreturn require_parseTarball();`);
  return (load(createRequire(file), {}, {}) as { parseTarball: Parse }).parseTarball;
})();

/** Source: pnpm, store/cafs, addFilesFromTarball. */
export const pnpmReader: Reader = async (tarball) => {
  const tar = gunzipSync(tarball);
  const files = new Map<string, Buffer>();
  for (const [path, { offset, size }] of parse(tar).files) files.set(path, tar.subarray(offset, offset + size));
  return files;
};
