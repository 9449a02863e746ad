import { isRecord } from "@codebox/core";
import { UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";
import type { PackageClient, Reason } from "../package-client.ts";
import type { TagsPorts } from "./tags.ts";

/**
 * Prints the rules for a package's tags: a JSON line for each rule, on a terminal indented as a file that `--set` takes.
 *
 * @example await showRules({ client, output });
 */
export async function showRules({ client, output }: TagsPorts): Promise<ExitCode> {
  const rules = listOf((await client.get("/rules"))["rules"]);
  if (rules.length === 0) output.note(`${client.name} has no rules for its tags`);
  else if (output.terminal) output.record({}, JSON.stringify(rules, null, 2));
  else for (const rule of rules) output.record(rule);
  return 0;
}

/**
 * Replaces the rules, or shows what they would have refused.
 *
 * @example await setRules({ client, output }, { text: '[{"tags":"latest","forward":true}]', dryRun: true });
 * @param wanted.text the rules as JSON: an array
 * @throws UsageError when the text is not JSON; CommandError when the registry refuses the rules
 */
export async function setRules(
  { client, output }: TagsPorts,
  { text, dryRun, ...why }: { readonly text: string; readonly dryRun: boolean } & Reason,
): Promise<ExitCode> {
  const rules = parsed(text);
  if (dryRun) {
    const { looked, refused } = await tried(client, rules);
    printRefused(output, refused, ["change", ...MOVE]);
    output.summary({ looked, wouldHaveRefused: refused.length, dryRun });
    return 0;
  }
  await client.send("PUT", "/rules", { rules }, why);
  output.record({ package: client.name, rules }, `${client.name} has ${rules.length} rules for its tags now`);
  return 0;
}

/** A scope, and its packages one by one. */
export type ScopePorts = TagsPorts & {
  /** The names of the packages in the scope that the caller may read. */
  readonly packages: () => Promise<readonly string[]>;
  readonly packageClient: (name: string) => PackageClient;
};

/**
 * Replaces the rules of a scope, or shows what they would have refused in each of its packages.
 *
 * @example await setScopeRules(ports, { text: '[{"tags":"latest","forward":true}]', dryRun: true });
 * @throws UsageError when the text is not JSON; CommandError when the registry refuses the rules
 */
export async function setScopeRules(
  { client, output, packages, packageClient }: ScopePorts,
  { text, dryRun }: { readonly text: string; readonly dryRun: boolean },
): Promise<ExitCode> {
  const rules = parsed(text);
  if (!dryRun) {
    await client.send("PUT", "/rules", { rules });
    output.record({ scope: client.name, rules }, `all packages of ${client.name} have these ${rules.length} rules now`);
    return 0;
  }
  const names = await packages();
  const all: Readonly<Record<string, unknown>>[] = [];
  let looked = 0;
  for (const name of names) {
    output.progress(`trying the rules on ${name}`);
    const tries = await tried(packageClient(name), rules);
    looked += tries.looked;
    all.push(...tries.refused.map((move) => ({ package: name, ...move })));
  }
  printRefused(output, all, ["package", "change", ...MOVE]);
  output.summary({ packages: names.length, looked, wouldHaveRefused: all.length, dryRun });
  return 0;
}

const MOVE = ["when", "who", "tag", "from", "to", "reason"];

async function tried(client: PackageClient, rules: readonly unknown[]) {
  const answer = await client.send("PUT", "/rules", { rules, dryRun: true });
  return { looked: Number(answer["looked"]), refused: listOf(answer["refused"]) };
}

function printRefused(
  output: Output,
  refused: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
): void {
  if (!output.terminal) for (const move of refused) output.record(move);
  else if (refused.length > 0) output.table(refused.map(rowOf), columns);
}

/**
 * Approves that somebody else moves a tag to a version, once.
 *
 * @example await approve({ client, output }, { tag: "latest", version: "2.0.0" });
 */
export async function approve(
  { client, output }: TagsPorts,
  { tag, version, ...why }: { readonly tag: string; readonly version: string } & Reason,
): Promise<ExitCode> {
  await client.send("POST", "/approvals", { tag, version }, why);
  const human = `approved: somebody else may move "${tag}" of ${client.name} to ${version}, once, within 14 days`;
  output.record({ package: client.name, tag, version, approved: true }, human);
  return 0;
}

function rowOf({
  package: name = "",
  sequence,
  at,
  by,
  tag,
  from = "-",
  to = "-",
  reason,
}: Readonly<Record<string, unknown>>) {
  const when = String(at).slice(0, 19);
  return {
    package: String(name),
    change: String(sequence),
    when,
    who: String(by),
    tag: String(tag),
    from: String(from),
    to: String(to),
    reason: String(reason),
  };
}

function parsed(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`the rules are not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!Array.isArray(value)) throw new UsageError('the rules are a JSON array: [{"tags": "latest", "forward": true}]');
  return value;
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
