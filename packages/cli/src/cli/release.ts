import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { moveTag, release } from "../commands/release.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type WhyFlags = { readonly message?: string; readonly run?: string };
type Flags = WhyFlags & {
  readonly registry?: string;
  readonly tag?: string;
  readonly access?: string;
  readonly dryRun: boolean;
};

/** `codebox release`, and `codebox tags move`. */
export function releaseCommands(program: Command, scope: Scope, finish: Finish): void {
  const npmConfig = (directory: string, args: readonly string[]) => loadNpmConfig({ ...scope, cwd: directory }, args);
  const ports = { ...scope, npmConfig };
  program
    .command("release <packages...>")
    .description("publish several packages at once: all of them are visible, or none")
    .option("--registry <url>", "as npm's")
    .option("--tag <tag>", "as npm's")
    .option("--access <access>", "as npm's")
    .option("--message <text>", "why, for the history")
    .option("--run <url>", "the CI run, for the history")
    .addOption(options.dryRun())
    .addHelpText("after", HELP)
    .action((sources: string[], { dryRun, message, run, ...given }: Flags) => {
      const flags = Object.fromEntries(
        Object.entries(given).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
      );
      return finish(release(ports, { cwd: scope.cwd, sources, flags, why: { message, run }, dryRun }));
    });
  program.commands
    .find((command) => command.name() === "tags")
    ?.command("move <tag> <packages...>")
    .description("point a tag of several packages at a version each: all of them move, or none")
    .option("--registry <url>", "as npm's")
    .option("--message <text>", "why, for the history")
    .option("--run <url>", "the CI run, for the history")
    .addOption(options.dryRun())
    .action(async (tag: string, packages: string[], { registry, dryRun, message, run }: Flags) => {
      const config = await npmConfig(scope.cwd, registry === undefined ? [] : [`--registry=${registry}`]);
      return finish(moveTag(ports, { tag, packages, why: { message, run }, dryRun, options: config.options }));
    });
}

const HELP = `
Each of [packages] is a folder with a package.json, a .tgz, or a folder of .tgz files ("npm pack --workspaces --pack-destination dist").
At most 200 packages. Registry, token and all else come from npm's own settings, where the command is called.
When one package is refused, nothing is published, and the message says which one and why.`;
