import { isRecord } from "@codebox/core";
import { CommandError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";
import type { PackageClient, Reason } from "../package-client.ts";

export type StagePorts = { readonly client: PackageClient; readonly output: Output };

type Item = Readonly<Record<string, unknown>>;

/** A staged version: by its id, or by the package and the version. */
export type Which = { readonly id: string } | { readonly name: string; readonly version: string };

/** As npm asks for them. */
const PAGE = 100;

/**
 * Lists the versions that wait for approval: a table, or a JSON line each.
 *
 * @example await listStaged({ client, output }, "@acme/wire");
 * @param name only this package. Default: all packages whose staged versions the caller may see
 */
export async function listStaged({ client, output }: StagePorts, name: string | undefined): Promise<ExitCode> {
  const items = await itemsOf(client, name);
  if (!output.terminal) for (const item of items) output.record(item);
  else if (items.length > 0) output.table(items.map(rowOf), ["package", "version", "tag", "by", "when", "until", "id"]);
  if (items.length === 0) output.note("no version waits for approval");
  return 0;
}

/** Prints a staged version with its manifest, for a review. @throws CommandError when there is none */
export async function showStaged({ client, output }: StagePorts, which: Which): Promise<ExitCode> {
  const item = await client.get(`/${await idOf(client, which)}`);
  output.record(item, JSON.stringify(item, null, 2));
  return 0;
}

/** Publishes a staged version. @throws CommandError when there is none, or the registry refuses it */
export async function approveStaged({ client, output }: StagePorts, which: Which, why: Reason): Promise<ExitCode> {
  const id = await idOf(client, which);
  const { packageName, version } = await client.get(`/${id}`);
  const answer = await client.send("POST", `/${id}/approve`, {}, why);
  const tags = answer["dist-tags"];
  const human = `approved: ${String(packageName)}@${String(version)} is published`;
  output.record({ id, package: packageName, version, approved: true, "dist-tags": tags }, human);
  return 0;
}

/** Removes a staged version. @throws CommandError when there is none, or the registry refuses it */
export async function rejectStaged({ client, output }: StagePorts, which: Which, why: Reason): Promise<ExitCode> {
  const id = await idOf(client, which);
  const { packageName, version } = await client.get(`/${id}`);
  await client.send("DELETE", `/${id}`, {}, why);
  const human = `rejected: ${String(packageName)}@${String(version)} is not published; the version is free again`;
  output.record({ id, package: packageName, version, rejected: true }, human);
  return 0;
}

async function idOf(client: PackageClient, which: Which): Promise<string> {
  if ("id" in which) return which.id;
  const { name, version } = which;
  const found = (await itemsOf(client, name)).find((item) => item["version"] === version);
  if (found) return String(found["id"]);
  throw new CommandError(`${name}@${version} is not staged, or you may not see it; "codebox stage list" shows what is`);
}

async function itemsOf(client: PackageClient, name: string | undefined): Promise<readonly Item[]> {
  const items: Item[] = [];
  const only = name === undefined ? "" : `&package=${encodeURIComponent(name)}`;
  for (let page = 0; ; page++) {
    const answer = await client.get(`?page=${page}&perPage=${PAGE}${only}`);
    const more = Array.isArray(answer["items"]) ? answer["items"].filter(isRecord) : [];
    items.push(...more);
    if (more.length < PAGE) return items;
  }
}

function rowOf({ id, packageName, version, tag, actor, createdAt, expiresAt }: Item) {
  return {
    package: String(packageName),
    version: String(version),
    tag: String(tag),
    by: String(actor),
    when: String(createdAt).slice(0, 19),
    until: String(expiresAt).slice(0, 10),
    id: String(id),
  };
}
