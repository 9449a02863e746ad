// `npm run build -w packages/client`: builds `@codebox/client` into packages/client/dist, from where it is published:
// `npm publish packages/client/dist`. In the repository, its sources are imported, as those of the other packages are.
import { execFile } from "node:child_process";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const ROOT = path.resolve(import.meta.dirname, "..");
const CLIENT = path.join(ROOT, "packages/client");
const DIST = path.join(CLIENT, "dist");

type Manifest = {
  readonly exports: Readonly<Record<string, string>>;
  readonly private?: boolean;
  readonly scripts?: unknown;
  readonly devDependencies?: unknown;
};

await rm(DIST, { recursive: true, force: true });
await promisify(execFile)(process.execPath, [
  path.join(ROOT, "node_modules/typescript/bin/tsc"),
  "--project",
  path.join(CLIENT, "tsconfig.build.json"),
]);
for (const name of ["README.md", "contract"])
  await cp(path.join(CLIENT, name), path.join(DIST, name), { recursive: true });
await cp(path.join(ROOT, "LICENSE"), path.join(DIST, "LICENSE"));

const source = JSON.parse(await readFile(path.join(CLIENT, "package.json"), "utf8")) as Manifest;
const { private: _, scripts: __, devDependencies: ___, ...manifest } = source;
const built = (file: string) => file.replace(/^\.\/src\/(.*)\.ts$/, "./$1");
const entries = Object.entries(source.exports).map(([name, file]) => [
  name,
  { types: `${built(file)}.d.ts`, default: `${built(file)}.js` },
]);
const exported = Object.fromEntries([
  ...entries,
  ["./contract/*", "./contract/*"],
  ["./package.json", "./package.json"],
]);
await writeFile(
  path.join(DIST, "package.json"),
  `${JSON.stringify({ ...manifest, exports: exported }, undefined, 2)}\n`,
);
