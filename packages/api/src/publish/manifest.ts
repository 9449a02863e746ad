import { posix } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "@codebox/core";
import { ApiError } from "../errors.ts";

type Fields = Readonly<Record<string, unknown>>;

const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"] as const;
/** What clients write beside a package.json's own fields, and may stay. */
const OWN_UNDERSCORED = new Set(["_nodeVersion", "_npmVersion"]);
/** What only a registry may say of a version. */
const OF_THE_REGISTRY = new Set(["trustedPublisher", "hasInstallScript", "dist"]);

/** What decides an install, in one spelling, whatever the client that wrote it. Absent: none. */
type Installing = {
  readonly dependencies?: Fields | undefined;
  readonly devDependencies?: Fields | undefined;
  readonly optionalDependencies?: Fields | undefined;
  readonly peerDependencies?: Fields | undefined;
  readonly peerDependenciesMeta?: Fields | undefined;
  readonly acceptDependencies?: Fields | undefined;
  readonly bundleDependencies?: readonly string[] | undefined;
  readonly bin?: Fields | undefined;
  readonly directories?: Fields | undefined;
  readonly engines?: unknown;
  readonly os?: readonly string[] | undefined;
  readonly cpu?: readonly string[] | undefined;
  readonly libc?: readonly string[] | undefined;
  readonly scripts?: Fields | undefined;
  readonly gypfile?: boolean | undefined;
};
const INSTALLING = [
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "acceptDependencies",
  "bundleDependencies",
  "bin",
  "directories",
  "engines",
  "os",
  "cpu",
  "libc",
  "scripts",
  "gypfile",
] as const satisfies readonly (keyof Installing)[];

/**
 * The manifest that is stored: what decides an install from the tarball's package.json, the rest from the document.
 *
 * The document may leave such a field out, or spell it as npm, pnpm, yarn or bun do. Where it contradicts the tarball, a client
 * would install something else than what was checked. devDependencies and scripts that run on no install are not compared:
 * packers remove them from the tarball only.
 * @param files the paths of the tarball's files, its top folder cut off
 * @throws ApiError `invalid` naming the field
 */
export function manifestToStore(document: Fields, packed: Fields, files: ReadonlySet<string>): Fields {
  const said = installing(document);
  const found = withFiles(installing(packed), packed, files);
  for (const field of INSTALLING) {
    if (contradicts(field, said, found))
      throw new ApiError(
        "invalid",
        `the document's ${field} is not what the tarball's package.json says; publish what was packed, with its own package.json`,
      );
  }
  const described = Object.entries(document).filter(([field]) => isPublishers(field));
  const installed = INSTALLING.map((field) => [field, found[field]] as const);
  return {
    ...Object.fromEntries(described),
    ...Object.fromEntries(installed.filter(([, value]) => value !== undefined)),
    _hasShrinkwrap: files.has("npm-shrinkwrap.json"),
  };
}

function isPublishers(field: string): boolean {
  if (field.startsWith("_")) return OWN_UNDERSCORED.has(field);
  return (
    !OF_THE_REGISTRY.has(field) && field !== "bundledDependencies" && !(INSTALLING as readonly string[]).includes(field)
  );
}

function contradicts(field: keyof Installing, said: Installing, found: Installing): boolean {
  if (said[field] === undefined || field === "devDependencies") return false;
  if (field === "scripts")
    return INSTALL_SCRIPTS.some(
      (name) => said.scripts?.[name] !== undefined && said.scripts[name] !== found.scripts?.[name],
    );
  if (field === "directories") return folderOf(said) !== undefined && folderOf(said) !== folderOf(found);
  if (field === "gypfile") return said.gypfile !== (found.gypfile ?? false);
  if (field === "dependencies")
    return !isDeepStrictEqual(comparable(withRanges(said, found)), comparable(found[field]));
  return !isDeepStrictEqual(comparable(said[field]), comparable(found[field]));
}

/** npm writes `*` for a bundled package that it does not find among the dependencies; npm 7 for each. Source: normalize-package-data, lib/fixer.js. */
function withRanges(said: Installing, found: Installing): Fields | undefined {
  const ranges = Object.entries(said.dependencies ?? {}).map(([name, range]) => {
    const isStar = range === "*" && found.bundleDependencies?.includes(name);
    return [name, isStar ? found.dependencies?.[name] : range] as const;
  });
  return filled(Object.fromEntries(ranges.filter(([, range]) => range !== undefined)));
}

function folderOf({ directories }: Installing): string | undefined {
  const folder = directories?.["bin"];
  return typeof folder === "string" ? secured(folder) : undefined;
}

/** The order of a list says nothing, and npm writes out where a short name of a repository leads. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable).toSorted();
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]));
  return typeof value === "string" ? repository(value) : value;
}

const HOSTS: Readonly<Record<string, string>> = {
  "github.com": "github",
  "gitlab.com": "gitlab",
  "bitbucket.org": "bitbucket",
};

/** A hosted repository in one spelling; any other text as it is. Source: hosted-git-info, lib/from-url.js. */
function repository(text: string): string {
  const short = /^(?:(github|gitlab|bitbucket):)?([\w.-]+\/[\w.-]+?)(?:\.git)?(#.*)?$/.exec(text);
  if (short) return `${short[1] ?? "github"}:${short[2]}${short[3] ?? ""}`;
  const url =
    /^(?:(?:git\+)?(?:https?|ssh|git):\/\/)?(?:[^@/]+@)?(github\.com|gitlab\.com|bitbucket\.org)[:/]([\w.-]+\/[\w.-]+?)(?:\.git)?(#.*)?$/.exec(
      text,
    );
  return url ? `${HOSTS[url[1] ?? ""]}:${url[2]}${url[3] ?? ""}` : text;
}

/** As npm reads a package.json. Source: @npmcli/package-json, lib/normalize.js. */
function installing(manifest: Fields): Installing {
  const optionalDependencies = texts(manifest["optionalDependencies"]);
  const dependencies = texts(manifest["dependencies"]);
  const scripts = texts(manifest["scripts"]);
  return {
    dependencies: without(dependencies, optionalDependencies),
    devDependencies: texts(manifest["devDependencies"]),
    optionalDependencies,
    peerDependencies: texts(manifest["peerDependencies"]),
    peerDependenciesMeta: filled(manifest["peerDependenciesMeta"]),
    acceptDependencies: filled(manifest["acceptDependencies"]),
    bundleDependencies: bundled(manifest["bundleDependencies"] ?? manifest["bundledDependencies"], dependencies),
    bin: binOf(manifest),
    directories: filled(manifest["directories"]),
    engines: enginesOf(manifest["engines"]),
    os: list(manifest["os"]),
    cpu: list(manifest["cpu"]),
    libc: list(manifest["libc"]),
    scripts,
    gypfile: typeof manifest["gypfile"] === "boolean" ? manifest["gypfile"] : undefined,
  };
}

/** What npm derives from the files: the commands of `directories.bin`, and the script that builds a native addon. */
function withFiles(found: Installing, packed: Fields, files: ReadonlySet<string>): Installing {
  const folder = found.directories?.["bin"];
  const bin =
    found.bin ?? (typeof folder === "string" && packed["bin"] === undefined ? commandsIn(folder, files) : undefined);
  const { scripts } = found;
  const builds =
    found.gypfile !== false &&
    scripts?.["install"] === undefined &&
    scripts?.["preinstall"] === undefined &&
    [...files].some((path) => /^[^/]+\.gyp$/.test(path));
  return builds
    ? { ...found, bin, scripts: { ...scripts, install: "node-gyp rebuild" }, gypfile: true }
    : { ...found, bin };
}

function commandsIn(folder: string, files: ReadonlySet<string>): Fields | undefined {
  const inside = `${secured(folder)}/`;
  const commands = [...files].filter((path) => path.startsWith(inside) && !/(?:^|\/)\./.test(path));
  return filled(Object.fromEntries(commands.map((path) => [posix.basename(path), path])));
}

/** @throws ApiError `invalid` for a command or a file that leads out of the package */
function binOf({ bin, name }: Fields): Fields | undefined {
  if (bin === undefined || bin === null || bin === false || bin === "") return undefined;
  const own = typeof name === "string" ? name : "";
  const pairs: readonly (readonly [string, unknown])[] =
    typeof bin === "string"
      ? [[own, bin]]
      : Array.isArray(bin)
        ? bin.filter((path) => typeof path === "string").map((path) => [posix.basename(path), path] as const)
        : isRecord(bin)
          ? Object.entries(bin)
          : [];
  const commands: [string, string][] = [];
  for (const [command, path] of pairs) {
    if (typeof path !== "string" || path === "") continue;
    const base = command === own ? posix.basename(own) : command;
    if (base === "" || base === "." || base === ".." || /[/\\:]/.test(base) || climbs(path))
      throw new ApiError(
        "invalid",
        `the command ${JSON.stringify(command.slice(0, 100))} in bin leads out of the package`,
      );
    commands.push([base, secured(path)]);
  }
  return filled(Object.fromEntries(commands));
}

function climbs(path: string): boolean {
  return posix.normalize(slashed(path)).split("/")[0] === "..";
}

/** As npm does it: a colon would be a drive. Source: @npmcli/package-json, lib/normalize.js, unixifyPath. */
function slashed(path: string): string {
  return path.replaceAll(/[\\:]/g, "/");
}

/** A path as npm writes it: from the package's top, with slashes. */
function secured(path: string): string {
  return posix
    .join(".", posix.join("/", slashed(path)))
    .replace(/^\//, "")
    .replace(/\/$/, "");
}

function bundled(value: unknown, dependencies: Fields | undefined): readonly string[] | undefined {
  if (value === true) return Object.keys(dependencies ?? {});
  return isRecord(value) ? list(Object.keys(value)) : list(value);
}

function enginesOf(value: unknown): unknown {
  if (typeof value === "string") return value || undefined;
  return Array.isArray(value) ? list(value) : textsOfNumbers(value);
}

function list(value: unknown): readonly string[] | undefined {
  const items = (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string" && item !== "");
  return items.length > 0 ? (items as string[]) : undefined;
}

/** The fields that are text. */
function texts(value: unknown): Fields | undefined {
  if (!isRecord(value)) return undefined;
  return filled(Object.fromEntries(Object.entries(value).filter(([, item]) => typeof item === "string")));
}

/** The same, with numbers written as text: some authors write `{ "node": 20 }`. */
function textsOfNumbers(value: unknown): Fields | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value).map(
    ([key, item]) => [key, typeof item === "number" ? String(item) : item] as const,
  );
  return texts(Object.fromEntries(entries));
}

function filled(value: unknown): Fields | undefined {
  return isRecord(value) && Object.keys(value).length > 0 ? value : undefined;
}

function without(record: Fields | undefined, others: Fields | undefined): Fields | undefined {
  return record && filled(Object.fromEntries(Object.entries(record).filter(([key]) => others?.[key] === undefined)));
}
