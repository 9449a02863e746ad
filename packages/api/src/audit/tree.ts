import { isReadableName, isRecord } from "@codebox/core";
import semver from "semver";

/** One package in the tree of an audit, installed at one place. */
export type Installed = {
  readonly name: string;
  readonly version: string;
  readonly dev: boolean;
  readonly optional: boolean;
  readonly bundled: boolean;
  readonly parent: Installed | undefined;
};

/** A node of the tree, whether it names a package of a registry or not. */
type Node = Installed & { readonly hasIntegrity: boolean };

/**
 * The packages of registries in the tree that npm 6, pnpm up to 10 and yarn up to 3 send to be audited.
 *
 * Left out is what comes from nowhere that could be asked: directories, git, URLs, and the projects of a pnpm workspace, which
 * stand at the top of the tree and have no integrity. Source: npm 6, npm-audit-report; pnpm, lockfileToAuditTree.js.
 *
 * @example installedIn({ dependencies: { left: { version: "1.0.0", integrity: "sha512-…" } } }) // [{ name: "left", … }]
 */
export function installedIn(tree: Readonly<Record<string, unknown>>): readonly Installed[] {
  const nodes: Node[] = [];
  const waiting: { readonly dependencies: unknown; readonly parent: Node | undefined }[] = [];
  waiting.push({ dependencies: tree["dependencies"], parent: undefined });
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (!isRecord(next.dependencies)) continue;
    for (const [name, entry] of Object.entries(next.dependencies)) {
      if (!isRecord(entry)) continue;
      const node = nodeOf(name, entry, next.parent);
      nodes.push(node);
      waiting.push({ dependencies: entry["dependencies"], parent: node });
    }
  }
  const isProject = projectsOf(nodes);
  return nodes.filter((node) => !isProject(node) && isReadableName(node.name) && isExact(node.version));
}

/**
 * How a package came to be installed, as `a>b>c`.
 *
 * @example pathOf(left) // "app>left"
 */
export function pathOf(installed: Installed): string {
  const names: string[] = [];
  for (let at: Installed | undefined = installed; at; at = at.parent) names.push(at.name);
  return names.toReversed().join(">");
}

function nodeOf(name: string, entry: Readonly<Record<string, unknown>>, parent: Node | undefined): Node {
  const { integrity } = entry;
  return {
    ...installedAs(name, typeof entry["version"] === "string" ? entry["version"] : ""),
    dev: entry["dev"] === true,
    optional: entry["optional"] === true,
    bundled: entry["bundled"] === true,
    parent,
    hasIntegrity: typeof integrity === "string" && integrity !== "",
  };
}

/** npm 6 sends an alias with the package behind it as its version: `npm:right@2.0.0`. */
function installedAs(name: string, version: string): { readonly name: string; readonly version: string } {
  const [, target, exact] = /^npm:(.+)@([^@]+)$/.exec(version) ?? [];
  return target === undefined || exact === undefined ? { name, version } : { name: target, version: exact };
}

function projectsOf(nodes: readonly Node[]): (node: Node) => boolean {
  const isTop = ({ parent }: Node) => parent === undefined;
  const isWorkspace =
    nodes.every((node) => !isTop(node) || !node.hasIntegrity) && nodes.some(({ hasIntegrity }) => hasIntegrity);
  return (node) => isWorkspace && isTop(node);
}

function isExact(version: string): boolean {
  return version.length <= 256 && semver.valid(version, { loose: true }) !== null;
}
