import { createAuditLog, type AuditLog } from "@codebox/core";
import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { showAudit } from "../commands/audit.ts";
import { connectBucket, type BucketFlags } from "../connect.ts";
import { remoteAuditLog } from "../remote.ts";
import { options } from "./options.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = BucketFlags & {
  readonly registry?: string;
  readonly since: string;
  readonly who?: string;
  readonly package?: string;
  readonly kind?: string;
};

/** `codebox audit`. */
export function auditCommand(program: Command, scope: Scope, finish: Finish): void {
  program
    .command("audit")
    .description("what happened around access: sign-ins, refusals, tokens, rights, trust rules, second factors, users")
    .addOption(options.bucket())
    .addOption(options.kmsKey())
    .addOption(options.endpoint())
    .addOption(options.registry())
    .option("--since <time>", 'from then on: "7d", "12h", "30m", or a time in ISO 8601', "7d")
    .option("--who <user>", "what this user did, or was refused")
    .option("--package <name>", "about this package")
    .option("--kind <kind>", "only this kind: sign-in, token, second-factor, trust, rights, user, operation, refusal")
    .action((flags: Flags) => {
      const ports = { auditLog: connectAudit(scope, flags), output: scope.output, now: scope.clock.now() };
      return finish(showAudit(ports, flags));
    });
}

function connectAudit(scope: Scope, flags: Flags): Pick<AuditLog, "query"> {
  const { registry } = flags;
  if (registry !== undefined)
    return remoteAuditLog(async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options);
  const { store } = connectBucket(flags, scope.env);
  return createAuditLog({ store, ids: scope.ids });
}
