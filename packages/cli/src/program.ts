import { Command, CommanderError } from "commander";
import { auditCommand } from "./cli/audit.ts";
import { accessCommands } from "./cli/access.ts";
import { publishCommand } from "./cli/publish.ts";
import type { Finish, Scope, Surroundings } from "./cli/scope.ts";
import { deadLetterCommands } from "./cli/dead-letters.ts";
import { stageCommands } from "./cli/stage.ts";
import { releaseCommands } from "./cli/release.ts";
import { storageCommands } from "./cli/storage.ts";
import { nameCommands } from "./cli/names.ts";
import { tagCommands } from "./cli/tags.ts";
import { searchCommands } from "./cli/search.ts";
import { tokenCommands } from "./cli/tokens.ts";
import { userCommands } from "./cli/users.ts";
import { walkingCommands } from "./cli/walkers.ts";
import { webhookCommands } from "./cli/webhooks.ts";
import { explain, UsageError, type ExitCode } from "./errors.ts";
import { createOutput } from "./output.ts";

/**
 * Runs one command line.
 *
 * @example process.exitCode = await runCli(["verify", "--bucket", "acme-registry"], surroundings);
 * Never throws: a failure is printed on stderr, and the exit code says so.
 */
export async function runCli(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const output = createOutput(surroundings.sinks, surroundings.env);
  let code: ExitCode = 0;
  const finish: Finish = async (run) => {
    code = await run;
  };
  try {
    await createProgram({ ...surroundings, output }, finish).parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    // commander has already printed what is wrong. Asking for help is not a failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    output.note(`codebox: ${explain(error)}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function createProgram(scope: Scope, finish: Finish): Command {
  const { stdout, stderr } = scope.sinks;
  const program = new Command("codebox")
    .description("The operator's commands of a codebox registry.")
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .showHelpAfterError("(add --help to see how it is called)")
    .addHelpText("after", AFTER);
  for (const add of [
    walkingCommands,
    storageCommands,
    deadLetterCommands,
    tokenCommands,
    userCommands,
    accessCommands,
    auditCommand,
    searchCommands,
    tagCommands,
    webhookCommands,
    nameCommands,
    stageCommands,
    publishCommand,
    releaseCommands,
  ])
    add(program, scope, finish);
  return program;
}

const AFTER = `
Region and credentials come from where the AWS command line takes them (AWS_REGION, AWS_PROFILE, …).
A terminal gets colour, tables and progress; a pipe gets a JSON line for each thing, and a summary last.
Exit codes: 0 good, 1 something was found or failed, 2 called wrongly.

More: docs/operations.md`;
