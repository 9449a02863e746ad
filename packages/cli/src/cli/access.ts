import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import {
  applyAccess,
  bucketAccess,
  decideAccess,
  explainAccess,
  showAccess,
  type AccessPort,
} from "../commands/access.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { UsageError } from "../errors.ts";
import { remoteAccess } from "../remote.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & { readonly registry?: string; readonly anonymousRead: boolean; readonly dryRun: boolean };

/** `codebox access show|explain|apply|decide`. */
export function accessCommands(program: Command, scope: Scope, finish: Finish): void {
  const { output } = scope;
  const access = program.command("access").description("who may do what: show, explain and change the rights");
  const shared = (command: Command) =>
    command
      .addOption(options.bucket())
      .addOption(options.kmsKey())
      .addOption(options.endpoint())
      .addOption(options.registry())
      .option("--anonymous-read", "with --bucket: the deployment has CODEBOX_ANONYMOUS_READ", false);
  shared(access.command("show"))
    .description("print the rights as JSON, with their history")
    .action((flags: Flags) => finish(showAccess({ access: connectAccess(scope, flags), output })));
  shared(access.command("explain <user> <action> [package]"))
    .description("whether a user may do something, and the rule that decides; 1 when it is refused")
    .action((user: string, action: string, name: string | undefined, flags: Flags) =>
      finish(explainAccess({ access: connectAccess(scope, flags), output }, { user, action, name })),
    );
  shared(access.command("apply <file>"))
    .description("replace the rights by those of a JSON file, and list what that allows and forbids")
    .addOption(options.dryRun())
    .action((file: string, flags: Flags) => {
      const run = async () => {
        const text = await readFile(resolve(scope.cwd, file), "utf8").catch((error: unknown) => {
          throw new UsageError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
        });
        return applyAccess({ access: connectAccess(scope, flags), output }, { text, dryRun: flags.dryRun });
      };
      return finish(run());
    });
  shared(access.command("decide <what>"))
    .description('decide for a registry from before rights: "owners" change their packages only, or it stays "open"')
    .addOption(options.dryRun())
    .action((what: string, flags: Flags) =>
      finish(decideAccess({ access: connectAccess(scope, flags), output }, { what, dryRun: flags.dryRun })),
    );
}

function connectAccess(scope: Scope, flags: Flags): AccessPort {
  const { registry, anonymousRead } = flags;
  if (registry !== undefined)
    return remoteAccess(async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options);
  const { store } = connectBucket(flags, scope.env);
  return bucketAccess({ store, clock: scope.clock }, { anonymousRead, by: "operator" });
}
