import type { ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

/** A webhook as the registry shows it. */
export type ShownWebhook = {
  readonly id: string;
  readonly url: string;
  readonly packages: string;
  readonly created: string;
  readonly by: string;
  readonly position: number;
  readonly stopped?: string;
  readonly waiting: readonly { readonly name: string; readonly reason: string; readonly next: string }[];
  readonly dead: readonly { readonly id: string; readonly name: string; readonly reason: string }[];
  /** After `add` and `rotate` only. */
  readonly secret?: string;
};

/** The routes of a registry on one machine. */
export type WebhookPort = {
  list(): Promise<readonly ShownWebhook[]>;
  add(target: { readonly url: string; readonly packages: string }): Promise<ShownWebhook>;
  remove(id: string): Promise<ShownWebhook>;
  rotate(id: string): Promise<ShownWebhook>;
  redeliver(id: string, from: number | undefined): Promise<ShownWebhook>;
};
type Ports = { readonly webhooks: WebhookPort; readonly output: Output };

/** Lists the webhooks: where each sends, how far it is, what waits and what was given up. */
export async function listWebhooks({ webhooks, output }: Ports): Promise<ExitCode> {
  const all = await webhooks.list();
  if (!output.terminal) for (const webhook of all) output.record(webhook);
  else if (all.length > 0)
    output.table(
      all.map(({ waiting, dead, stopped, ...webhook }) => ({
        ...webhook,
        waiting: waiting.length,
        dead: dead.length,
        problem: stopped ?? waiting[0]?.reason ?? dead.at(-1)?.reason ?? "",
      })),
      ["id", "url", "packages", "by", "position", "waiting", "dead", "problem"],
    );
  output.summary({ webhooks: all.length });
  return 0;
}

/** Adds a webhook and prints its secret, this once. It gets the events from now on. */
export async function addWebhook(
  { webhooks, output }: Ports,
  target: { readonly url: string; readonly packages: string },
): Promise<ExitCode> {
  return withSecret(output, await webhooks.add(target));
}

/** Makes a new secret and prints it, this once. For a day the one before signs too. */
export async function rotateWebhook({ webhooks, output }: Ports, id: string): Promise<ExitCode> {
  return withSecret(output, await webhooks.rotate(id));
}

function withSecret(output: Output, webhook: ShownWebhook): ExitCode {
  const { id, url, secret = "" } = webhook;
  const hint = output.style(
    "dim",
    `The secret of ${id}, which sends to ${url}, is shown once. The receiver checks signatures with it.`,
  );
  output.record(webhook, `${secret}\n\n${hint}`);
  return 0;
}

/** Removes a webhook. What is under way may still arrive. */
export async function removeWebhook({ webhooks, output }: Ports, id: string): Promise<ExitCode> {
  const removed = await webhooks.remove(id);
  output.record({ id, removed: true }, `removed ${id}, which sent to ${removed.url}`);
  return 0;
}

/** Delivers again: what comes after a position, or the dead letters. */
export async function redeliverWebhook(
  { webhooks, output }: Ports,
  id: string,
  from: number | undefined,
): Promise<ExitCode> {
  const webhook = await webhooks.redeliver(id, from);
  const what = from === undefined ? "the dead letters" : `the events after ${from}`;
  output.record(webhook, `${id} delivers ${what} again`);
  return 0;
}
