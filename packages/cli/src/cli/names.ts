import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { giveBack } from "../commands/names.ts";
import { packageClient } from "../package-client.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = { readonly registry?: string; readonly message?: string; readonly dryRun: boolean };

/** `codebox names give-back`. */
export function nameCommands(program: Command, scope: Scope, finish: Finish): void {
  const group = program.command("names").description("which names are this registry's");
  group
    .command("give-back <package>")
    .description("let the upstream have the name of an unpublished package again")
    .option("--registry <url>", "as npm's")
    .option("--message <text>", "why, for the history")
    .addOption(options.dryRun())
    .action((name: string, { registry, ...flags }: Flags) => {
      const { clock, signal, output } = scope;
      const run = async () => {
        const config = await loadNpmConfig(scope, registry === undefined ? [] : [`--registry=${registry}`]);
        return giveBack({ client: packageClient({ clock, signal, config }, name), output }, flags);
      };
      return finish(run());
    });
}
