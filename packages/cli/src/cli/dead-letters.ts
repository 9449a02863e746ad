import { createPackumentReader } from "@codebox/core";
import type { Command } from "commander";
import { listDeadLetters, redriveDeadLetters, showDeadLetter } from "../commands/dead-letters.ts";
import { connectBucket, connectDeadLetters, type BucketFlags, type QueueFlags } from "../connect.ts";
import { UsageError } from "../errors.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type RedriveFlags = QueueFlags &
  BucketFlags & { readonly all: boolean; readonly force: boolean; readonly dryRun: boolean };

/** `codebox dead-letters list|show|redrive`. */
export function deadLetterCommands(program: Command, { env, output, clock, signal }: Scope, finish: Finish): void {
  const group = program
    .command("dead-letters")
    .description("look at changes that could not be applied, and put them back into the queue");
  const shared = (command: Command) => command.addOption(options.deadLettersUrl()).addOption(options.endpoint());
  shared(group.command("list"))
    .description("every dead letter with its reason (at most ten of a package at a time, the oldest)")
    .action((flags: QueueFlags) =>
      finish(listDeadLetters({ deadLetters: connectDeadLetters(flags, env, { redrive: false }), output })),
    );
  shared(group.command("show <id>"))
    .description("one dead letter in full")
    .action((id: string, flags: QueueFlags) =>
      finish(showDeadLetter({ deadLetters: connectDeadLetters(flags, env, { redrive: false }), output }, id)),
    );
  shared(group.command("redrive [ids...]"))
    .description("put dead letters back, behind what waits; one that was applied after all changes nothing")
    .addOption(options.queueUrl())
    .addOption(options.bucket())
    .option("--all", "every one", false)
    .option("--force", "also changes of a tag that was changed since, which move it back", false)
    .addOption(options.dryRun())
    .action((ids: string[], flags: RedriveFlags) => {
      if (flags.all && ids.length > 0) throw new UsageError("give ids or --all, not both");
      const deadLetters = connectDeadLetters(flags, env, { redrive: !flags.dryRun });
      const reader = flags.force || flags.dryRun ? undefined : createPackumentReader(connectBucket(flags, env).store);
      return finish(
        redriveDeadLetters(
          { deadLetters, reader, output, clock, signal },
          { ids: flags.all ? "all" : ids, dryRun: flags.dryRun },
        ),
      );
    });
}
