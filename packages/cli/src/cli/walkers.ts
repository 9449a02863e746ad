import { join } from "node:path";
import type { Command } from "commander";
import { fileCheckpoint, noCheckpoint, type Checkpoint } from "../checkpoint.ts";
import { verify } from "../commands/verify.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type WalkFlags = BucketFlags & {
  readonly state?: string;
  readonly restart: boolean;
  readonly concurrency: number;
  readonly dryRun?: boolean;
};

/** The commands that walk over the whole bucket, and go on where they were stopped. */
export function walkingCommands(program: Command, scope: Scope, finish: Finish): void {
  addVerify(program, scope, finish);
}

function walking(command: Command, concurrency: number): Command {
  return command
    .addOption(options.bucket())
    .addOption(options.kmsKey())
    .addOption(options.endpoint())
    .addOption(options.concurrency(concurrency))
    .addOption(options.state())
    .addOption(options.restart());
}

/** Where this run remembers how far it is. A dry run does not: it is soon repeated for good, from the start. */
function checkpointOf(
  { cwd }: Scope,
  command: string,
  bucket: string,
  flags: WalkFlags,
  args: Readonly<Record<string, string | boolean>>,
): Checkpoint {
  if (flags.dryRun === true) return noCheckpoint;
  const path = join(cwd, flags.state ?? `.codebox-${command}-${bucket}.json`);
  return fileCheckpoint(path, { command, bucket, arguments: args }, { restart: flags.restart });
}

function addVerify(program: Command, scope: Scope, finish: Finish): void {
  walking(program.command("verify"), 4)
    .description("check every invariant of the bucket; 1 when an error is found, 0 for warnings alone")
    .option("--deep", "read every tarball, and check its digests", false)
    .action((flags: WalkFlags & { readonly deep: boolean }) => {
      const { bucket, kmsKey, store, maintenance } = connectBucket(flags, scope.env);
      const { deep, concurrency } = flags;
      const args = { deep, ...(kmsKey === undefined ? {} : { "kms-key": kmsKey }) };
      const checkpoint = checkpointOf(scope, "verify", bucket, flags, args);
      const { clock, output, signal } = scope;
      const settings = { bucket, deep, concurrency, ...(kmsKey === undefined ? {} : { kmsKey }) };
      return finish(verify({ store, maintenance, clock, output, checkpoint, signal }, settings));
    });
}
