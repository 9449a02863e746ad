import { createHash } from "node:crypto";
import { documentText, hasManyVersions, rememberedFor, versionText } from "./texts.ts";
import { isRecord, stateOf, tarballFile, type Manifest, type Packument, type Person } from "./packument.ts";

/**
 * `_rev` as clients see it: `<revision>-<hash>`. They send it back in `/-rev/:rev`; only the number is read.
 *
 * @example revOf(wire, etag) // "7-0f3c…"
 */
export function revOf(packument: Packument, etag: string): string {
  return `${stateOf(packument).revision}-${createHash("sha256").update(etag).digest("hex").slice(0, 16)}`;
}

/**
 * The number in a `_rev`; `undefined` when the string is not a `_rev`.
 *
 * @example revisionOf("7-0f3c") // 7
 */
export function revisionOf(rev: string): number | undefined {
  const match = /^(\d{1,15})-/.exec(rev);
  return match ? Number(match[1]) : undefined;
}

/**
 * The URL under which this registry serves a tarball. Never stored, so that the registry can move to another host.
 *
 * @example tarballUrl("https://npm.acme.example", "@acme/wire", "1.0.0") // "https://npm.acme.example/@acme/wire/-/wire-1.0.0.tgz"
 */
export function tarballUrl(origin: string, name: string, version: string): string {
  return `${origin}/${name}/-/${tarballFile(name, version)}`;
}

/**
 * A person as clients show them and send them back. npm's owner command needs an email for everybody, and prints it.
 *
 * @example shownPerson({ name: "alice" }) // { name: "alice", email: "alice@users.invalid" }: an address that cannot exist (RFC 2606, 2)
 */
export function shownPerson(person: Person): Person & { readonly email: string } {
  return { ...person, email: person.email || `${person.name}@users.invalid` };
}

/** An adopted document may have people in other forms; they are shown unchanged. */
function shownPeople(people: unknown): unknown {
  if (!Array.isArray(people)) return people;
  return people.map((person: unknown) =>
    isRecord(person) && typeof person["name"] === "string" ? shownPerson(person as Person) : person,
  );
}

/** npm prints who published a version, with an email. */
function shownUser(user: unknown): { readonly _npmUser?: unknown } {
  const [shown] = user === undefined ? [] : (shownPeople([user]) as unknown[]);
  return shown === undefined ? {} : { _npmUser: shown };
}

/** The full packument that clients read: with `_rev` and tarball URLs, without `_codebox`. */
export function fullView(packument: Packument, etag: string, origin: string): Record<string, unknown> {
  const versions = mapVersions(packument, (manifest, version) => ({
    ...fullManifest(manifest, version, packument.name),
    dist: { ...manifest.dist, tarball: tarballUrl(origin, packument.name, version) },
  }));
  return { ...fullHead(packument, etag), versions };
}

/** `fullView` as it goes over the wire. Of a package with many versions, only those that changed become text again. */
export function fullText(packument: Packument, etag: string, origin: string): Uint8Array<ArrayBuffer> {
  if (!hasManyVersions(packument)) return encoded(fullView(packument, etag, origin));
  return documentText(fullHead(packument, etag), textsOf(packument, origin, fullAround));
}

function fullHead(packument: Packument, etag: string): Record<string, unknown> {
  const { _codebox: _, versions: __, ...shown } = packument;
  const people = packument.maintainers && { maintainers: shownPeople(packument.maintainers) };
  return { ...shown, ...people, _id: packument.name, _rev: revOf(packument, etag) };
}

function fullManifest(manifest: Manifest, version: string, name: string): Record<string, unknown> {
  return { ...manifest, ...shownUser(manifest["_npmUser"]), _id: manifest["_id"] ?? `${name}@${version}` };
}

/** The fields of a version that an installer needs. Source: npm/registry, docs/responses/package-metadata.md, "Abbreviated version object". */
const ABBREVIATED = [
  "name",
  "version",
  "deprecated",
  "dependencies",
  "optionalDependencies",
  "devDependencies",
  "bundleDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "bin",
  "directories",
  "engines",
  "os",
  "cpu",
  "libc",
  "funding",
  "acceptDependencies",
  "_hasShrinkwrap",
] as const;

/** The abbreviated packument, `application/vnd.npm.install-v1+json`: what an installer needs, and `time` for pnpm's `minimumReleaseAge`. */
export function abbreviatedView(packument: Packument, origin: string): Record<string, unknown> {
  const versions = mapVersions(packument, (manifest, version) => ({
    ...abbreviatedManifest(manifest),
    dist: { ...manifest.dist, tarball: tarballUrl(origin, packument.name, version) },
  }));
  return { ...abbreviatedHead(packument), versions };
}

/** `abbreviatedView` as it goes over the wire. Of a package with many versions, only those that changed become text again. */
export function abbreviatedText(packument: Packument, origin: string): Uint8Array<ArrayBuffer> {
  if (!hasManyVersions(packument)) return encoded(abbreviatedView(packument, origin));
  return documentText(abbreviatedHead(packument), textsOf(packument, origin, abbreviatedAround));
}

function abbreviatedHead(packument: Packument): Record<string, unknown> {
  const { name, "dist-tags": tags, time } = packument;
  return { name, "dist-tags": tags, modified: time?.["modified"], time };
}

/** The versions of a document from elsewhere in their abbreviated form, their `dist` as it is. What is no object is left out. */
export function abbreviatedManifests(versions: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [version, manifest] of Object.entries(versions))
    if (isRecord(manifest)) shown[version] = { ...abbreviatedManifest(manifest as Manifest), dist: manifest["dist"] };
  return shown;
}

function abbreviatedManifest(manifest: Manifest): Record<string, unknown> {
  const short: Record<string, unknown> = {};
  for (const field of ABBREVIATED) if (manifest[field] !== undefined) short[field] = manifest[field];
  // Two spellings are in use; clients read this one (pnpm#7411).
  const bundled = manifest["bundleDependencies"] ?? manifest["bundledDependencies"];
  if (bundled !== undefined) short["bundleDependencies"] = bundled;
  if (hasInstallScript(manifest)) short["hasInstallScript"] = true;
  return short;
}

function hasInstallScript(manifest: Manifest): boolean {
  const scripts = manifest["scripts"];
  return (
    manifest["hasInstallScript"] === true ||
    (typeof scripts === "object" &&
      scripts !== null &&
      ["preinstall", "install", "postinstall"].some((name) => Object.hasOwn(scripts, name)))
  );
}

function mapVersions(packument: Packument, view: (manifest: Manifest, version: string) => Record<string, unknown>) {
  const shown: Record<string, unknown> = {};
  for (const [version, manifest] of Object.entries(packument.versions)) shown[version] = view(manifest, version);
  return shown;
}

const encoded = (view: Readonly<Record<string, unknown>>) => new TextEncoder().encode(JSON.stringify(view));

/** A manifest's text before and behind the origin of its tarball's URL, which is all that depends on who asks. */
const aroundOrigin = (show: (manifest: Manifest, version: string, name: string) => Record<string, unknown>) =>
  rememberedFor((manifest: Manifest, version, name) => {
    const { dist: _, ...shown } = show(manifest, version, name);
    const { tarball: __, ...dist } = { ...manifest.dist };
    const text = JSON.stringify({ ...shown, dist }).slice(0, -"}}".length);
    const before = versionText(version, `${text}${Object.keys(dist).length === 0 ? "" : ","}"tarball":"`);
    const path = JSON.stringify(tarballUrl("", name, version)).slice(1);
    return { before, behind: Buffer.from(`${path}}}`) };
  });
const fullAround = aroundOrigin(fullManifest);
const abbreviatedAround = aroundOrigin(abbreviatedManifest);

function textsOf({ versions, name }: Packument, origin: string, around: ReturnType<typeof aroundOrigin>): Uint8Array[] {
  // As it stands in a JSON string.
  const inserted = Buffer.from(JSON.stringify(origin).slice(1, -1));
  return Object.entries(versions).flatMap(([version, manifest]) => {
    const { before, behind } = around(manifest, version, name);
    return [before, inserted, behind];
  });
}
