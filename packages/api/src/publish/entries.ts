import { posix } from "node:path";
import { TARBALL_PATHS_MAX } from "@codebox/core";
import type { ReadEntry } from "tar";

/** Longest path, in characters: every path is held in memory. Windows and macOS allow less. */
const PATH_MAX = 1_024;
/** The kinds of files that a package may have. Devices, pipes, and kinds that some clients do not read are refused. */
const FILES = new Set(["File", "OldFile"]);
const LINKS = new Set(["Link", "SymbolicLink"]);

/**
 * Judges the entries of one archive, in their order: `problem` names why a package can't have one.
 *
 * npm leaves links out when it packs and when it unpacks; other packers do not. A link may stand where it leads, for certain,
 * to something inside the package: no entry is below a link, and `..` is only at the beginning of its target.
 *
 * @example createEntryRules().problem(entry) // 'its entry "package/../x" leads out of the package'
 */
export function createEntryRules() {
  /** What each path is, in the spelling that a file system which ignores case and Unicode's form gives it. */
  const seen = new Map<string, { readonly path: string; readonly isFolder: boolean }>();
  /** The folders of the entries, in the same spelling. Most have no entry of their own. */
  const folders = new Set<string>();
  let characters = 0;
  let top: string | undefined;
  return {
    problem(entry: ReadEntry): string | undefined {
      const shown = JSON.stringify(entry.path.slice(0, 200));
      if (!isInside(entry.path)) return `its entry ${shown} leads out of the package`;
      if (entry.path.length > PATH_MAX) return `its entry ${shown} has a path of more than ${PATH_MAX} characters`;
      if (entry.path.includes("\\")) return `its entry ${shown} has a backslash`;
      const [folder = "", ...below] = entry.path.split("/");
      const isFolder = entry.type === "Directory";
      if (below.length === 0 && !isFolder) return `its entry ${shown} is not in its top folder`;
      // yarn normalises the path first, and would cut off the next folder instead.
      if (folder === ".") return `its entry ${shown} has no top folder`;
      top ??= folder;
      if (folder !== top) return `its entry ${shown} is not in its one top folder, ${JSON.stringify(top.slice(0, 80))}`;
      const path = normalized(entry.path);
      const spelling = spellingOf(path);
      const twin = seen.get(spelling);
      if (twin && !(isFolder && twin.isFolder && twin.path === path))
        return `its entry ${shown} has the same path as ${JSON.stringify(twin.path.slice(0, 200))}, on some file systems`;
      if (!isFolder && folders.has(spelling))
        return `its entry ${shown} has the path of a folder, on some file systems`;
      seen.set(spelling, { path, isFolder });
      characters += spelling.length;
      for (const parent of parents(spelling)) {
        if (seen.get(parent)?.isFolder === false) return `its entry ${shown} is below a file or a link`;
        // A known folder's own parents are known too.
        if (folders.has(parent)) break;
        folders.add(parent);
        characters += parent.length;
      }
      if (characters > TARBALL_PATHS_MAX)
        return `its paths have more than ${TARBALL_PATHS_MAX} characters, with folders`;
      if (LINKS.has(entry.type)) {
        return linksInside(entry.type, path, entry.linkpath ?? "")
          ? undefined
          : `its link ${shown} leads out of the package`;
      }
      return isFile(entry) || entry.type === "Directory"
        ? undefined
        : `its entry ${shown} is no file, directory or link, but a ${entry.type}`;
    },
  };
}

function spellingOf(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

export function isFile(entry: ReadEntry): boolean {
  return FILES.has(entry.type);
}

/** Whether an entry becomes the package.json of what is installed: clients cut the path's first part off, whatever it is. */
export function isManifestPath(path: string): boolean {
  const top = path.indexOf("/");
  return top >= 0 && normalized(path.slice(top + 1)) === "package.json";
}

/** Clients cut the top folder off; what is left must not be absolute either. Backslashes and drives count, for Windows. */
function isInside(path: string): boolean {
  return !/^(?:[^/\\]*[/\\])?(?:[/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes("..");
}

/** A symbolic link's target is relative to the link, a hard link's to the archive's root. */
function linksInside(type: string, path: string, target: string): boolean {
  if (target === "" || /^(?:[/\\]|[A-Za-z]:)/.test(target)) return false;
  const plain = target.replaceAll("\\", "/");
  const steps = plain.split("/").filter((step) => step !== "" && step !== ".");
  const down = steps.findIndex((step) => step !== "..");
  if (down >= 0 && steps.includes("..", down)) return false;
  const root = path.split("/", 1)[0] ?? "";
  const resolved = normalized(type === "Link" ? plain : posix.join(posix.dirname(path), plain));
  return path.includes("/") && (resolved === root || resolved.startsWith(`${root}/`));
}

function normalized(path: string): string {
  return posix.normalize(path.replaceAll("\\", "/")).replace(/\/$/, "");
}

/** The deepest first. */
function* parents(path: string): Generator<string> {
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) yield path.slice(0, at);
}
