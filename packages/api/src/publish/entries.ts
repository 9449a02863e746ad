import { posix } from "node:path";
import type { ReadEntry } from "tar";

/** Longest path, in characters: every path is held in memory. Windows and macOS allow less. */
const PATH_MAX = 1_024;
/** Every kind that may stand in a package; of devices, pipes and what this reader does not know there is none. */
const FILES = new Set(["File", "OldFile", "ContiguousFile"]);
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
  const links = new Set<string>();
  /** What each path is, in the spelling that a file system which ignores case and Unicode's form gives it. */
  const seen = new Map<string, { readonly path: string; readonly isFolder: boolean }>();
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
      top ??= folder;
      if (folder !== top) return `its entry ${shown} is not in its one top folder, ${JSON.stringify(top.slice(0, 80))}`;
      const path = normalized(entry.path);
      const spelling = path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
      const twin = seen.get(spelling);
      if (twin && !(isFolder && twin.isFolder && twin.path === path))
        return `its entry ${shown} has the same path as ${JSON.stringify(twin.path.slice(0, 200))}, on some file systems`;
      seen.set(spelling, { path, isFolder });
      if (links.size > 0 && parents(path).some((parent) => links.has(parent)))
        return `its entry ${shown} is below a link`;
      if (LINKS.has(entry.type)) {
        links.add(path);
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

function parents(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
