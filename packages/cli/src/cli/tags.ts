import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { loadNpmConfig } from "@codebox/upstream";
import { InvalidArgumentError, type Command } from "commander";
import { restoreTags, tagsHistory, undoTags, type TagsPorts } from "../commands/tags.ts";
import { approve, setRules, setScopeRules, showRules } from "../commands/tag-rules.ts";
import { UsageError, type ExitCode } from "../errors.ts";
import { packageClient, packagesOf, scopeClient } from "../package-client.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type RegistryFlags = { readonly registry?: string };
type HistoryFlags = RegistryFlags & { readonly limit: number; readonly all: boolean };
type ApproveFlags = RegistryFlags & { readonly message?: string };
type RuleFlags = RegistryFlags & {
  readonly scope?: string;
  readonly set?: string;
  readonly message?: string;
  readonly dryRun: boolean;
};
type ChangeFlags = RegistryFlags & {
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly message?: string;
  readonly run?: string;
};

/** `codebox tags history|undo|restore|approve|rules`. */
export function tagCommands(program: Command, scope: Scope, finish: Finish): void {
  const group = program
    .command("tags")
    .description("the history of a package's tags and the rules for them; take changes back")
    .addHelpText("after", HELP);
  const add = (usage: string) => group.command(usage).option("--registry <url>", "as npm's");
  const changing = (usage: string) =>
    add(usage)
      .option("--force", "also when it undoes what somebody else did later", false)
      .option("--message <text>", "why, for the history")
      .option("--run <url>", "the CI run, for the history")
      .addOption(options.dryRun());
  add("history <package>")
    .description("who moved which tag, when, from where to where, and why")
    .option("--limit <n>", "most changes", positive, 50)
    .option("--all", "also publishes, deprecations and all else that moved no tag", false)
    .action((name: string, { limit, all, ...flags }: HistoryFlags) =>
      finish(connect(scope, name, flags).then((ports) => tagsHistory(ports, { limit, all }))),
    );
  changing("undo <package> <change>")
    .description("take back one change, by its number or id in the history")
    .action((name: string, change: string, flags: ChangeFlags) =>
      finish(connect(scope, name, flags).then((ports) => undoTags(ports, change, flags))),
    );
  changing("restore <package> <when>")
    .description("return to the tags of a time, or to those after a change of the history")
    .action((name: string, when: string, flags: ChangeFlags) =>
      finish(connect(scope, name, flags).then((ports) => restoreTags(ports, when, flags))),
    );
  add("approve <package> <tag> <version>")
    .description("approve that somebody else moves a tag, once; for rules that ask for approvals")
    .option("--message <text>", "why, for the history")
    .action((name: string, tag: string, version: string, { message, ...flags }: ApproveFlags) =>
      finish(connect(scope, name, flags).then((ports) => approve(ports, { tag, version, message }))),
    );
  add("rules [package]")
    .description("who may move which tag, and where to; with --set and --dry-run what new rules would have refused")
    .option("--scope <scope>", "the rules of all packages of a scope, such as @acme, instead of one package's")
    .option("--set <file>", "replace the rules with those of a JSON file")
    .option("--message <text>", "why, for the history")
    .addOption(options.dryRun())
    .action((name: string | undefined, flags: RuleFlags) => finish(rules(scope, name, flags)));
}

async function rules(surroundings: Scope, name: string | undefined, flags: RuleFlags): Promise<ExitCode> {
  const { set, scope: ofScope } = flags;
  if ((name === undefined) === (ofScope === undefined))
    throw new UsageError("name a package, or a scope with --scope @acme");
  const text = set === undefined ? undefined : await readFile(resolve(surroundings.cwd, set), "utf8");
  if (name !== undefined) {
    const ports = await connect(surroundings, name, flags);
    return text === undefined ? showRules(ports) : setRules(ports, { ...flags, text });
  }
  const { clients, output } = await clientsOf(surroundings, flags);
  const ports = {
    client: scopeClient(clients, ofScope ?? ""),
    output,
    packages: () => packagesOf(clients, ofScope ?? ""),
    packageClient: (one: string) => packageClient(clients, one),
  };
  return text === undefined ? showRules(ports) : setScopeRules(ports, { ...flags, text });
}

async function connect(scope: Scope, name: string, flags: RegistryFlags): Promise<TagsPorts> {
  const { clients, output } = await clientsOf(scope, flags);
  return { client: packageClient(clients, name), output };
}

async function clientsOf(scope: Scope, { registry }: RegistryFlags) {
  const { clock, signal, output } = scope;
  const config = await loadNpmConfig(scope, registry === undefined ? [] : [`--registry=${registry}`]);
  return { clients: { clock, signal, config }, output };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100_000)
    throw new InvalidArgumentError("it must be 1 to 100000.");
  return value;
}

const HELP = `
Registry and token are those of npm's settings, so these commands work with every codebox registry.`;
