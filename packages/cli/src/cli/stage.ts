import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { approveStaged, listStaged, rejectStaged, showStaged, type StagePorts, type Which } from "../commands/stage.ts";
import { UsageError } from "../errors.ts";
import { stageClient } from "../package-client.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = { readonly registry?: string };
type ChangeFlags = Flags & { readonly message?: string; readonly run?: string };

/** `codebox stage list|show|approve|reject`. */
export function stageCommands(program: Command, scope: Scope, finish: Finish): void {
  const group = program
    .command("stage")
    .description("versions that wait for approval; npm stage publish, pnpm and yarn stage them")
    .addHelpText("after", HELP);
  const add = (usage: string) => group.command(usage).option("--registry <url>", "as npm's");
  const changing = (usage: string) =>
    add(usage).option("--message <text>", "why, for the history").option("--run <url>", "the CI run, for the history");
  add("list [package]")
    .description("what waits for approval, of all packages or of one")
    .action((name: string | undefined, flags: Flags) =>
      finish(connect(scope, name, flags).then((ports) => listStaged(ports, name))),
    );
  add("show <what>")
    .description("a staged version with its manifest; its tarball: npm stage download <id>")
    .action((what: string, flags: Flags) =>
      finish(connect(scope, nameIn(what), flags).then((ports) => showStaged(ports, whichOf(what)))),
    );
  changing("approve <what>")
    .description("publish a staged version, exactly as it was staged")
    .action((what: string, flags: ChangeFlags) =>
      finish(connect(scope, nameIn(what), flags).then((ports) => approveStaged(ports, whichOf(what), flags))),
    );
  changing("reject <what>")
    .description("remove a staged version")
    .action((what: string, flags: ChangeFlags) =>
      finish(connect(scope, nameIn(what), flags).then((ports) => rejectStaged(ports, whichOf(what), flags))),
    );
}

async function connect(scope: Scope, name: string | undefined, { registry }: Flags): Promise<StagePorts> {
  const { clock, signal, output } = scope;
  const config = await loadNpmConfig(scope, registry === undefined ? [] : [`--registry=${registry}`]);
  return { client: stageClient({ clock, signal, config }, name), output };
}

/** @throws UsageError */
function whichOf(what: string): Which {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(what)) return { id: what };
  const at = what.lastIndexOf("@");
  if (at > 0) return { name: what.slice(0, at), version: what.slice(at + 1) };
  throw new UsageError(`"${what}" is neither the id of a staged version nor <package>@<version>`);
}

function nameIn(what: string): string | undefined {
  const which = whichOf(what);
  return "name" in which ? which.name : undefined;
}

const HELP = `
<what> is the id of a staged version, or <package>@<version>. Registry and token are those of npm's settings.`;
