import { loadNpmConfig } from "@codebox/upstream";
import { INVITATION_DAYS_MAX } from "@codebox/core";
import { InvalidArgumentError, Option, type Command } from "commander";
import { bucketUsers, disable, enable, join, listUsers, makeCode, withdraw, type UserPort } from "../commands/user.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { remoteJoin, remoteUsers } from "../remote-users.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & { readonly registry?: string; readonly dryRun: boolean };
type CodeFlags = { readonly registry: string; readonly expires?: number };

/** `codebox user list|disable|enable` on both hosts; `invite|uninvite|reset|join` for a registry on one machine. */
export function userCommands(program: Command, scope: Scope, finish: Finish): void {
  const { output } = scope;
  const user = program.command("user").description("invite, list, disable and enable users, and reset passwords");
  const shared = (command: Command) =>
    command
      .addOption(options.bucket())
      .addOption(options.kmsKey())
      .addOption(options.endpoint())
      .addOption(options.registry());
  const local = (command: Command) =>
    command.addOption(new Option("--registry <url>", "the registry, on one machine").makeOptionMandatory());
  const days = () =>
    new Option("--expires <days>", "days for which the code counts (default: 7)").argParser((text) => {
      const value = Number(text);
      if (Number.isInteger(value) && value >= 1 && value <= INVITATION_DAYS_MAX) return value;
      throw new InvalidArgumentError(`it must be 1 to ${INVITATION_DAYS_MAX}.`);
    });
  const npm = (registry: string) => async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options;

  shared(user.command("list"))
    .description("all users, those who are disabled, and those who are invited")
    .action((flags: Flags) => finish(listUsers({ users: connectUsers(scope, flags), output })));
  shared(user.command("disable <name>"))
    .description("refuse everything to a user from the next request on, and revoke all tokens")
    .addOption(options.dryRun())
    .action((name: string, flags: Flags) =>
      finish(disable({ users: connectUsers(scope, flags), output }, { name, dryRun: flags.dryRun })),
    );
  shared(user.command("enable <name>"))
    .description("undo disable; the user signs in again")
    .action((name: string, flags: Flags) => finish(enable({ users: connectUsers(scope, flags), output }, { name })));
  for (const [what, description] of [
    ["invite", "print a code with which a new user chooses a password, once"],
    ["reset", "end a user's password, second factor and tokens, and print a code for a new password"],
  ] as const)
    local(user.command(`${what} <name>`))
      .description(description)
      .addOption(days())
      .action((name: string, { registry, expires }: CodeFlags) => {
        const lifetime = expires === undefined ? {} : { days: expires };
        return finish(makeCode({ users: remoteUsers(npm(registry)), output }, { name, what, registry, ...lifetime }));
      });
  local(user.command("uninvite <name>"))
    .description("take back an invitation")
    .action((name: string, { registry }: CodeFlags) =>
      finish(withdraw({ users: remoteUsers(npm(registry)), output }, { name })),
    );
  local(user.command("join <name>"))
    .description("choose a password with the code of an invitation; in a pipe: two lines of standard input")
    .action((name: string, { registry }: CodeFlags) =>
      finish(join({ accept: remoteJoin(npm(registry)), ask: scope.ask, output }, { name, registry })),
    );
}

function connectUsers(scope: Scope, flags: Flags): UserPort {
  const { registry } = flags;
  if (registry !== undefined)
    return remoteUsers(async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options);
  return bucketUsers({ ...connectBucket(flags, scope.env), clock: scope.clock });
}
