import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { publish } from "../commands/publish.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = { readonly registry?: string; readonly tag?: string; readonly access?: string; readonly dryRun: boolean };

/** `codebox publish`. */
export function publishCommand(program: Command, scope: Scope, finish: Finish): void {
  program
    .command("publish [package]")
    .description("publish a package that is too large for npm publish: its tarball goes straight to the bucket")
    .option("--registry <url>", "as npm's")
    .option("--tag <tag>", "as npm's")
    .option("--access <access>", "as npm's")
    .addOption(options.dryRun())
    .addHelpText("after", HELP)
    .action((source = ".", { dryRun, ...given }: Flags) => {
      const { cwd, clock, ids, output, signal } = scope;
      const flags = Object.fromEntries(
        Object.entries(given).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
      );
      const npmConfig = (directory: string, args: readonly string[]) =>
        loadNpmConfig({ ...scope, cwd: directory }, args);
      const ports = { clock, ids, output, signal, npmConfig };
      return finish(publish(ports, { cwd, source: String(source), flags, dryRun }));
    });
}

const HELP = `
[package] is a folder with a package.json (default: this one), or a .tgz. Registry, token and all else come from npm's own settings:
the .npmrc beside the package, or where the command is called; the user's; npm_config_… in the environment.
It packs as npm publish does, scripts included. A registry that takes no uploads has no such limit: npm publish works there.`;
