import { packageOfKey, versionProblem, type ObjectInfo, type ObjectStore } from "@codebox/core";
import type { Folder } from "../walk.ts";
import { digestProblems } from "./digests.ts";
import { checkDocument, type Claim } from "./document.ts";
import { error, orUnreadable, warning, type Finding } from "./finding.ts";

/** A tarball younger than this may be of a publish that is under way: its document is written after it. */
const SETTLED_MS = 15 * 60_000;

export type PackageOptions = { readonly now: Date; readonly deep: boolean };

/** What is wrong with a package: its document, its tarballs, and how they fit together. */
export async function packageFindings(
  store: ObjectStore,
  folder: Folder,
  options: PackageOptions,
): Promise<readonly Finding[]> {
  const tarballs = new Map<string, ObjectInfo>();
  const findings: Finding[] = [];
  for (const object of folder.objects) {
    const kind = kindOf(folder.path, object.key);
    if (kind === "tarball") tarballs.set(object.key, object);
    if (kind === "unknown")
      findings.push(
        warning(
          "object-unknown",
          object.key,
          "it is neither a document nor a version's tarball",
          "find out who put it there",
        ),
      );
  }
  const key = `${folder.path}/index.json`;
  const found = folder.objects.some((object) => object.key === key) ? await store.get(key) : undefined;
  if (found?.notModified !== false) return [...findings, ...(await withoutDocument(folder.path, tarballs, options))];
  const { findings: ofDocument, claims } = checkDocument(folder.path, found.bytes);
  findings.push(...ofDocument);
  for (const claim of claims) {
    const listed = tarballs.get(claim.key);
    findings.push(...(await orUnreadable(claim.key, () => claimFindings(store, key, claim, listed, options))));
    tarballs.delete(claim.key);
  }
  // Of a damaged document nothing can be said about who names what.
  if (ofDocument.some(({ code }) => code === "document-damaged")) return findings;
  for (const leftover of tarballs.values()) findings.push(...(await leftoverFindings(store, leftover, options)));
  return findings;
}

function kindOf(path: string, key: string): "document" | "tarball" | "unknown" {
  if (packageOfKey(key) !== undefined) return "document";
  const file = key.slice(path.length + 1);
  return path !== "" && file.endsWith(".tgz") && versionProblem(file.slice(0, -4)) === undefined
    ? "tarball"
    : "unknown";
}

async function withoutDocument(
  path: string,
  tarballs: ReadonlyMap<string, ObjectInfo>,
  { now }: PackageOptions,
): Promise<readonly Finding[]> {
  const old = [...tarballs.values()].filter(({ modified }) => now.getTime() - modified.getTime() > SETTLED_MS);
  if (old.length === 0) return [];
  const fix =
    "bring index.json's former version back, or publish the package again; delete the tarballs when nobody wants them";
  return [
    error(
      "document-missing",
      `${path}/index.json`,
      `there are ${old.length} tarballs of ${path}, and no document`,
      fix,
    ),
  ];
}

async function claimFindings(
  store: ObjectStore,
  key: string,
  { version, key: tarball, dist }: Claim,
  listed: ObjectInfo | undefined,
  { deep }: PackageOptions,
): Promise<readonly Finding[]> {
  // Published since the listing: asked again before it is called missing.
  const object = listed ?? (await store.head(tarball));
  const again = "bring its former version back, or unpublish the version and publish it again";
  if (!object)
    return [error("tarball-missing", tarball, `${key} names version ${version}, whose tarball is not there`, again)];
  if (object.size === 0) return [error("tarball-size", tarball, "it is empty", again)];
  if (!deep) return [];
  const open = await store.open(tarball);
  if (!open) return [];
  const problems = await digestProblems(dist, open.body);
  return problems.map((problem) => error("tarball-digest", tarball, problem, again));
}

async function leftoverFindings(
  store: ObjectStore,
  { key, modified }: ObjectInfo,
  { now }: PackageOptions,
): Promise<readonly Finding[]> {
  if (now.getTime() - modified.getTime() <= SETTLED_MS || !(await store.head(key))) return [];
  return [
    warning("tarball-leftover", key, "no version names it", "delete it; nobody can fetch it through the registry"),
  ];
}
