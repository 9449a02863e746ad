import { loadNpmConfig } from "@codebox/upstream";
import type { Command } from "commander";
import { addWebhook, listWebhooks, redeliverWebhook, removeWebhook, rotateWebhook } from "../commands/webhook.ts";
import { UsageError } from "../errors.ts";
import { remoteWebhooks } from "../remote.ts";
import type { Finish, Scope } from "./scope.ts";

type Flags = { readonly registry: string; readonly packages: string; readonly from?: string };

/** `codebox webhook add|list|remove|rotate|redeliver`, for a registry on one machine. */
export function webhookCommands(program: Command, scope: Scope, finish: Finish): void {
  const { output } = scope;
  const webhook = program.command("webhook").description("send the events of a registry on one machine to a URL");
  const ports = ({ registry }: Flags) => ({
    output,
    webhooks: remoteWebhooks(async () => (await loadNpmConfig(scope, [`--registry=${registry}`])).options),
  });
  const command = (name: string, description: string) =>
    webhook
      .command(name)
      .description(description)
      .requiredOption("--registry <url>", "the running registry; the token in .npmrc must be an administrator's");
  command("list", "the webhooks: how far each is, what waits, what was given up").action((flags: Flags) =>
    finish(listWebhooks(ports(flags))),
  );
  command("add <url>", "send the events from now on to a URL; the secret is printed, this once")
    .option("--packages <pattern>", "only of these packages: wire, @acme/* or **", "**")
    .action((url: string, flags: Flags) => finish(addWebhook(ports(flags), { url, packages: flags.packages })));
  command("remove <id>", "send nothing more").action((id: string, flags: Flags) =>
    finish(removeWebhook(ports(flags), id)),
  );
  command("rotate <id>", "make a new secret; the one before signs too, for a day").action((id: string, flags: Flags) =>
    finish(rotateWebhook(ports(flags), id)),
  );
  command("redeliver <id>", "deliver the dead letters again, and begin again after a stop")
    .option("--from <position>", "instead: everything after this position; 0 is the beginning")
    .action((id: string, flags: Flags) => finish(redeliverWebhook(ports(flags), id, positionIn(flags.from))));
}

function positionIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError("--from: a position is a whole number, such as 0");
}
