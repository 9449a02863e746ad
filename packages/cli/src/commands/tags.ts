import { HISTORY_PAGE_MAX, isRecord } from "@codebox/core";
import { UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";
import type { PackageClient, Reason } from "../package-client.ts";

export type TagsPorts = { readonly client: PackageClient; readonly output: Output };

/** An entry as the registry answers it. */
type Entry = Readonly<Record<string, unknown>>;

/**
 * Prints the history of a package, the newest change first: one row for each tag that moved, or a JSON line for each change.
 *
 * @example await tagsHistory({ client, output }, { limit: 50, all: false });
 * @param wanted.limit most changes
 * @param wanted.all also changes that moved no tag
 */
export async function tagsHistory(
  { client, output }: TagsPorts,
  { limit, all }: { readonly limit: number; readonly all: boolean },
): Promise<ExitCode> {
  const entries: Entry[] = [];
  for (let before = ""; entries.length < limit;) {
    const count = Math.min(HISTORY_PAGE_MAX, limit - entries.length);
    const page = await client.get(`${all ? "" : "/dist-tags"}/history?limit=${count}${before}`);
    if (Array.isArray(page["history"])) entries.push(...page["history"].filter(isRecord));
    if (page["next"] === undefined) break;
    before = `&before=${String(page["next"])}`;
  }
  if (!output.terminal) for (const entry of entries) output.record(entry);
  else if (entries.length > 0) output.table(entries.flatMap(rowsOf), COLUMNS);
  if (entries.length === 0) output.note(`${client.name} has no such changes`);
  return 0;
}

const COLUMNS = ["change", "when", "who", "what", "name", "from", "to", "why"];

/** One row for each thing that moved, and one for a change that moved nothing. */
function rowsOf(entry: Entry): Readonly<Record<string, string>>[] {
  const { sequence, at, by, type } = entry;
  const common = { change: String(sequence), when: String(at).slice(0, 19), who: String(by), what: String(type) };
  const why = reasonOf(entry["why"]);
  const moved = [...movesIn(entry["tags"]), ...movesIn(entry["deprecated"]), ...movesIn({ owners: entry["owners"] })];
  if (moved.length === 0) moved.push({ name: "", from: "", to: "" });
  return moved.map((move) => ({ ...common, ...move, why }));
}

function movesIn(moves: unknown) {
  if (!isRecord(moves)) return [];
  return Object.entries(moves).flatMap(([name, move]) =>
    isRecord(move) ? [{ name, from: textOf(move["from"]), to: textOf(move["to"]) }] : [],
  );
}

function textOf(value: unknown): string {
  return value === undefined ? "-" : Array.isArray(value) ? value.join(", ") : String(value);
}

function reasonOf(why: unknown): string {
  if (!isRecord(why)) return "";
  return ["message", "command", "run"]
    .flatMap((field) => (why[field] === undefined ? [] : [String(why[field])]))
    .join("; ");
}

export type TakingBack = { readonly force: boolean; readonly dryRun: boolean } & Reason;

/**
 * Takes back one change of the tags.
 *
 * @example await undoTags({ client, output }, "7", { force: false, dryRun: true });
 * @param change its number or its id, as the history shows them
 */
export async function undoTags({ client, output }: TagsPorts, change: string, options: TakingBack): Promise<ExitCode> {
  const which = /^\d+$/.test(change) ? { sequence: Number(change) } : { change };
  return takeBack({ client, output }, { path: "/undo", which, done: `undid change ${change}` }, options);
}

/**
 * Returns to the tags of an earlier time.
 *
 * @example await restoreTags({ client, output }, "2026-11-24T10:00:00Z", { force: false, dryRun: false });
 * @param when a time, or the number of a change
 */
export async function restoreTags({ client, output }: TagsPorts, when: string, options: TakingBack): Promise<ExitCode> {
  const which = /^\d+$/.test(when) ? { sequence: Number(when) } : { at: timeOf(when) };
  return takeBack({ client, output }, { path: "/restore", which, done: `restored the tags of ${when}` }, options);
}

async function takeBack(
  { client, output }: TagsPorts,
  { path, which, done }: { readonly path: string; readonly which: object; readonly done: string },
  { force, dryRun, ...why }: TakingBack,
): Promise<ExitCode> {
  const answer = await client.send("POST", path, { ...which, force, dryRun }, why);
  const tags = isRecord(answer["dist-tags"]) ? answer["dist-tags"] : {};
  const human = Object.entries(tags).map(([tag, version]) => `  ${tag}: ${String(version)}`);
  const title = dryRun ? `would leave ${client.name} with these tags:` : `${done}; ${client.name} has these tags:`;
  output.record({ package: client.name, ...which, dryRun, "dist-tags": tags }, [title, ...human].join("\n"));
  return 0;
}

/** A time as people write it, also without its time of day. Without a zone it is the time here. */
function timeOf(when: string): string {
  const time = new Date(when);
  if (Number.isNaN(time.getTime()))
    throw new UsageError(`"${when}" is neither a time, such as 2026-11-24T10:00:00Z, nor the number of a change`);
  return time.toISOString();
}
