import type { TokenStore } from "@codebox/core";
import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { addToken, listTokens, revokeToken } from "../commands/token.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { remoteTokens } from "../remote.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & {
  readonly registry?: string;
  readonly readOnly: boolean;
  readonly stageOnly: boolean;
  readonly bypass2fa: boolean;
  readonly label: string;
  readonly expires?: number;
  readonly package: readonly string[];
  readonly scope: readonly string[];
  readonly cidr: readonly string[];
  readonly dryRun: boolean;
};

/** `codebox token add|list|revoke`. */
export function tokenCommands(program: Command, scope: Scope, finish: Finish): void {
  const { env, clock, ids, output } = scope;
  const token = program.command("token").description("create, list and revoke tokens of anybody");
  const shared = (command: Command) =>
    command.addOption(options.bucket()).addOption(options.kmsKey()).addOption(options.endpoint());
  const remote = (command: Command) => shared(command).addOption(options.registry());
  shared(token.command("add <user>"))
    .description("make a token and print it, this once: only its SHA-256 is stored")
    .option("--read-only", "it may read, not change anything", false)
    .option("--stage-only", "it may stage versions for approval, not change anything directly", false)
    .option("--bypass-2fa", "for machines: it needs no second factor where a rule says automation", false)
    .option("--label <text>", "what its owner recognises it by", "made by the operator")
    .option("--expires <days>", "it ends after so many days; default: never", Number)
    .option("--package <name...>", "it is for these packages only", [])
    .option("--scope <scope...>", "it is for the packages of these scopes only", [])
    .option("--cidr <network...>", "it may be used from these networks only", [])
    .addOption(options.dryRun())
    .action((user: string, { expires, package: packages, scope: scopes, readOnly, ...flags }: Flags) => {
      const { tokens } = connectBucket(flags, env);
      const { stageOnly, bypass2fa: bypassFactor, label, cidr, dryRun } = flags;
      const days = expires === undefined ? {} : { days: expires };
      const grant = {
        user,
        readonly: readOnly,
        stageOnly,
        bypassFactor,
        label,
        ...days,
        packages,
        scopes,
        cidr,
        dryRun,
      };
      return finish(addToken({ tokens, output, clock, ids }, grant));
    });
  remote(token.command("list [user]"))
    .description("the tokens of a user, or of everybody: the hash, what it may, its label, its last use")
    .action((user: string | undefined, flags: Flags) =>
      finish(listTokens({ tokens: connectTokens(scope, flags), output }, user)),
    );
  remote(token.command("revoke <hash>"))
    .description("revoke a token by the first characters of its hash; it is refused from the next request on")
    .addOption(options.dryRun())
    .action((prefix: string, flags: Flags) =>
      finish(revokeToken({ tokens: connectTokens(scope, flags), output }, { prefix, dryRun: flags.dryRun })),
    );
}

/** Over the bucket on AWS; over its routes with the registry of one machine, whose data directory the server has locked. */
function connectTokens(scope: Scope, flags: Flags): Pick<TokenStore, "list" | "page" | "remove"> {
  const { registry } = flags;
  if (registry === undefined) return connectBucket(flags, scope.env).tokens;
  return remoteTokens(async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options);
}
