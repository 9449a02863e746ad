import {
  isRecord,
  nameProblem,
  own,
  isReadableName,
  tagProblem,
  tarballKey,
  versionProblem,
  type Dist,
  type Packument,
} from "@codebox/core";
import ssri from "ssri";
import { error, warning, type Finding } from "./finding.ts";
import { stateFindings } from "./state.ts";

/** What a document says of a tarball, as far as it can be checked against the object. */
export type Claim = { readonly version: string; readonly key: string; readonly dist: Dist };
export type Checked = { readonly findings: readonly Finding[]; readonly claims: readonly Claim[] };

const RESTORE = "restore the object's former version (aws s3api list-object-versions), or fix the JSON by hand";

/**
 * Everything that one index.json alone can be wrong in.
 *
 * @example checkDocument("wire", bytes) // { findings: [], claims: [{ version: "1.0.0", key: "wire/1.0.0.tgz", dist }] }
 * A document that can't be read makes one finding and no claims.
 */
export function checkDocument(name: string, bytes: Uint8Array): Checked {
  const key = `${name}/index.json`;
  const document = parse(bytes);
  if (typeof document === "string")
    return { findings: [error("document-damaged", key, document, RESTORE)], claims: [] };
  const findings = [...nameFindings(name, key, document), ...fieldFindings(key, document)];
  const versions = isRecord(document["versions"]) ? document["versions"] : {};
  const claims: Claim[] = [];
  for (const [version, manifest] of Object.entries(versions)) {
    findings.push(...versionFindings(name, key, version, manifest));
    if (versionProblem(version) !== undefined || !isRecord(manifest)) continue;
    const dist = isRecord(manifest["dist"]) ? (manifest["dist"] as Dist) : {};
    findings.push(...distFindings(key, version, dist));
    claims.push({ version, key: tarballKey(name, version), dist });
  }
  findings.push(...tagFindings(key, document, versions));
  if (document["_codebox"] !== undefined)
    findings.push(
      ...stateFindings(key, { name, _codebox: document["_codebox"] } as Pick<Packument, "name" | "_codebox">),
    );
  return { findings, claims };
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const document: unknown = JSON.parse(text);
    return isRecord(document) ? document : "it is JSON, but not an object";
  } catch (cause) {
    if (cause instanceof SyntaxError) return `it is not JSON: ${cause.message.slice(0, 200)}`;
    if (cause instanceof TypeError) return "it is not UTF-8";
    throw cause;
  }
}

function* nameFindings(name: string, key: string, document: Readonly<Record<string, unknown>>): Generator<Finding> {
  if (!isReadableName(name))
    yield error(
      "document-name",
      key,
      `no package can be called "${name}": ${nameProblem(name) ?? ""}`,
      "move its objects to a legal name, or delete them",
    );
  for (const field of ["name", "_id"]) {
    const said = document[field];
    if (said !== undefined && said !== name)
      yield error(
        "document-name",
        key,
        `${field} says ${JSON.stringify(said)}, the key ${JSON.stringify(name)}`,
        `set ${field} to the key's name`,
      );
  }
  if (document["name"] === undefined)
    yield error(
      "document-name",
      key,
      "it has no name",
      `add "name": ${JSON.stringify(name)}; other readers of the bucket need it`,
    );
}

function* fieldFindings(key: string, document: Readonly<Record<string, unknown>>): Generator<Finding> {
  for (const field of ["versions", "dist-tags", "time"])
    if (document[field] !== undefined && !isRecord(document[field]))
      yield error("document-field", key, `${field} is not an object`, RESTORE);
}

function* versionFindings(name: string, key: string, version: string, manifest: unknown): Generator<Finding> {
  const problem = versionProblem(version);
  if (problem !== undefined)
    yield error("version-invalid", key, problem, "unpublish it, and publish it under a semver version");
  if (!isRecord(manifest)) {
    yield error("version-manifest", key, `version ${version} is not an object`, RESTORE);
    return;
  }
  if (manifest["name"] !== name || manifest["version"] !== version)
    yield error(
      "version-manifest",
      key,
      `version ${version} holds the manifest of ${JSON.stringify([manifest["name"], manifest["version"]])}`,
      "unpublish the version, and publish it again",
    );
}

function* distFindings(key: string, version: string, dist: Dist): Generator<Finding> {
  const { integrity, shasum } = dist as { readonly integrity?: unknown; readonly shasum?: unknown };
  if (integrity === undefined && shasum === undefined) {
    yield error(
      "version-digest",
      key,
      `version ${version} has neither dist.integrity nor dist.shasum: clients can't check its tarball`,
      "publish the version again",
    );
    return;
  }
  if (integrity === undefined)
    yield warning(
      "version-integrity",
      key,
      `version ${version} has only a shasum (sha1), as clients before npm 5 wrote`,
      "publish a further version when one is due",
    );
  else if (typeof integrity !== "string" || Object.keys(ssri.parse(integrity) ?? {}).length === 0)
    yield error(
      "version-digest",
      key,
      `version ${version}: dist.integrity is no integrity`,
      "publish the version again",
    );
  if (shasum !== undefined && (typeof shasum !== "string" || !/^[0-9a-f]{40}$/i.test(shasum)))
    yield error(
      "version-digest",
      key,
      `version ${version}: dist.shasum is no sha1 in hex`,
      "publish the version again",
    );
}

function* tagFindings(
  key: string,
  document: Readonly<Record<string, unknown>>,
  versions: Readonly<Record<string, unknown>>,
): Generator<Finding> {
  const tags = isRecord(document["dist-tags"]) ? document["dist-tags"] : {};
  const name = key.slice(0, -"/index.json".length);
  for (const [tag, version] of Object.entries(tags)) {
    const problem = tagProblem(tag);
    if (problem !== undefined) yield warning("tag-illegal", key, problem, `npm dist-tag rm ${name} ${tag}`);
    if (typeof version !== "string" || !own(versions, version))
      yield error(
        "tag-dangling",
        key,
        `the tag "${tag}" names ${JSON.stringify(version)}, which does not exist`,
        `npm dist-tag add ${name}@<version> ${tag}`,
      );
  }
  if (Object.keys(versions).length === 0 || own(tags, "latest") !== undefined) return;
  const [finding, adopted] =
    document["_codebox"] === undefined ? [warning, " yet: its next change sets it"] : [error, ""];
  yield finding(
    "latest-missing",
    key,
    `it has versions, but no tag "latest"${adopted}`,
    `npm dist-tag add ${name}@<version> latest`,
  );
}
