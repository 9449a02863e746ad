import type { Command } from "commander";
import { removeStorage } from "../commands/remove-storage.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & { readonly yes?: string; readonly dryRun: boolean };

/** `codebox remove-storage`. */
export function storageCommands(program: Command, { env, output, signal }: Scope, finish: Finish): void {
  program
    .command("remove-storage")
    .description("empty the bucket, every version of every object, and delete it; there is no way back")
    .addOption(options.bucket())
    .addOption(options.endpoint())
    .option("--yes <bucket>", "the bucket's name once more; without it the command shows what would go")
    .addOption(options.dryRun())
    .action((flags: Flags) => {
      const { bucket, maintenance } = connectBucket(flags, env);
      const { yes, dryRun } = flags;
      const settings = { bucket, dryRun, ...(yes === undefined ? {} : { yes }) };
      return finish(removeStorage({ maintenance, output, signal }, settings));
    });
}
