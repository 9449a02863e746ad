import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import pacote from "pacote";
import type { Reader } from "./reader.ts";

/** npm's own extraction, to a folder. */
export const npmReader: Reader = async (tarball) => {
  const folder = await mkdtemp(join(tmpdir(), "codebox-npm-"));
  try {
    const file = join(folder, "wire.tgz");
    const target = join(folder, "out");
    await writeFile(file, tarball);
    await pacote.extract(`file:${file}`, target, { cache: join(folder, "cache") });
    const found = await readdir(target, { recursive: true, withFileTypes: true });
    const files = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const read = files.map(
      async (path) => [relative(target, path).split(sep).join("/"), await readFile(path)] as const,
    );
    return new Map(await Promise.all(read));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
