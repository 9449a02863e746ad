import type { Command } from "commander";
import { addToken, listTokens, removeToken } from "../commands/token.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & { readonly readOnly?: boolean; readonly label: string; readonly dryRun: boolean };

/** `codebox token add|list|remove`. */
export function tokenCommands(program: Command, scope: Scope, finish: Finish): void {
  const { env, clock, ids, output } = scope;
  const token = program.command("token").description("create, list and revoke tokens; a user is a name that has one");
  const shared = (command: Command) =>
    command.addOption(options.bucket()).addOption(options.kmsKey()).addOption(options.endpoint());
  shared(token.command("add <user>"))
    .description("make a token and print it, this once: only its SHA-256 is stored")
    .option("--read-only", "it may read, not change anything", false)
    .option("--label <text>", "what its owner recognises it by", "made by the operator")
    .addOption(options.dryRun())
    .action((user: string, flags: Flags) => {
      const { tokens } = connectBucket(flags, env);
      const grant = { user, readonly: flags.readOnly === true, label: flags.label, dryRun: flags.dryRun };
      return finish(addToken({ tokens, output, clock, ids }, grant));
    });
  shared(token.command("list <user>"))
    .description("the tokens of a user: the hash, what it may, its label")
    .action((user: string, flags: Flags) =>
      finish(listTokens({ tokens: connectBucket(flags, env).tokens, output }, user)),
    );
  shared(token.command("remove <hash>"))
    .description("revoke a token by the first characters of its hash; it is refused from the next request on")
    .addOption(options.dryRun())
    .action((prefix: string, flags: Flags) => {
      const { tokens, store } = connectBucket(flags, env);
      return finish(removeToken({ tokens, store, output }, { prefix, dryRun: flags.dryRun }));
    });
}
