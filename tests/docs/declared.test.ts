import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import { expect, test } from "vitest";
import { ROOT } from "../support/registry.ts";

type Manifest = { readonly name: string; readonly dependencies: Set<string>; readonly devDependencies: Set<string> };

const files = execFileSync("git", ["ls-files", "*.ts", "*.mjs"], { cwd: ROOT, encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(ROOT, file)));
const root = manifestOf(".");

function manifestOf(folder: string): Manifest {
  const { name, dependencies, devDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(ROOT, folder, "package.json"), "utf8"),
  ) as { name: string; dependencies?: object; devDependencies?: object; peerDependencies?: object };
  return {
    name,
    dependencies: new Set(Object.keys({ ...dependencies, ...peerDependencies })),
    devDependencies: new Set(Object.keys(devDependencies ?? {})),
  };
}

/** `@acme/wire/deep` → `@acme/wire`. */
const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** The packages that a file imports, types included. */
function importsOf(file: string): readonly string[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const { module } = parseSync(file, source);
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    // A path that is computed is no package.
    ...module.dynamicImports.flatMap(({ moduleRequest }) => {
      const [, name] = /^["'](.+)["']$/.exec(source.slice(moduleRequest.start, moduleRequest.end)) ?? [];
      return name ?? [];
    }),
  ];
  return specifiers.filter((name) => !/^[./]/.test(name) && !isBuiltin(name)).map(packageOf);
}

/** What a file may import: its package's dependencies; a test its devDependencies and the root's tools too. */
function declaredFor(file: string): (name: string) => boolean {
  const [top = "", second = "", third] = file.split("/");
  const own = top === "packages" ? join(top, second) : existsSync(join(ROOT, top, "package.json")) ? top : ".";
  const { name: self, dependencies, devDependencies } = manifestOf(own);
  const isProduct = top === "packages" && second !== "testing" && third === "src";
  return (name) =>
    name === self ||
    dependencies.has(name) ||
    // `aws-lambda` has types only.
    devDependencies.has(`@types/${name}`) ||
    (!isProduct && devDependencies.has(name)) ||
    // Another package of this repository is declared where it is used, so that package.json shows every arrow.
    (!isProduct && (top !== "packages" || !name.startsWith("@codebox/")) && root.devDependencies.has(name));
}

test("every file imports only what its package.json declares", () => {
  const undeclared = files.flatMap((file) => {
    const isDeclared = declaredFor(file);
    return [...new Set(importsOf(file))].filter((name) => !isDeclared(name)).map((name) => `${file}: ${name}`);
  });
  expect(undeclared).toEqual([]);
});
