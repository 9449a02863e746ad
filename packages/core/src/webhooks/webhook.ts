import { createHmac } from "node:crypto";
import * as z from "zod";
import { Pattern } from "../access/rights.ts";
import { UserName } from "../domain/names.ts";

/** Most webhooks of a registry. Each reads the events by itself. */
export const WEBHOOKS_MAX = 50;
/** Most packages of a webhook whose deliveries wait for another try. Then no further events are read for it. */
export const WEBHOOK_OPEN_MAX = 100;
/** Most dead letters that a webhook remembers. The oldest give way; their events stay in the log. */
export const WEBHOOK_DEAD_MAX = 100;

/**
 * Pauses before the tries after the first one, in seconds: about a day in all, so that a receiver may be down overnight. Then the event is a
 * dead letter. Standard Webhooks recommends a schedule of this form.
 */
export const WEBHOOK_PAUSES = [5, 30, 120, 600, 3_600, 10_800, 28_800, 43_200] as const;

/** How long the secret before a rotation also signs, in milliseconds: receivers have a day to change. */
export const WEBHOOK_ROTATION_MS = 24 * 60 * 60 * 1_000;

/** The target of a webhook: `https`, or `http` where private addresses are allowed; without credentials, which a log could show. */
export const WebhookUrl = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL" })
  .max(2_000)
  .refine((url) => {
    const { username, password, hash } = new URL(url);
    return username === "" && password === "" && hash === "";
  }, "must have no credentials and no fragment");

/** A delivery that failed: the first event of its package that is not settled. Later ones of the package wait. */
const Open = z.object({
  position: z.int(),
  attempts: z.int(),
  /** When the next try is due, in milliseconds since 1970. */
  due: z.number(),
  reason: z.string(),
});
export type OpenDelivery = z.infer<typeof Open>;

/** An event that was given up. */
const Dead = z.object({
  position: z.int(),
  id: z.string(),
  name: z.string(),
  sequence: z.int(),
  reason: z.string(),
  at: z.string(),
});

export const Webhook = z.object({
  id: z.string(),
  url: WebhookUrl,
  /** The packages: `wire`, `@acme/*` or `**`. */
  packages: Pattern,
  /** The newest first. All that have not ended (`until`, in milliseconds since 1970) sign. Kept as they are, because they sign. */
  secrets: z.array(z.object({ secret: z.string(), until: z.number().optional() })).min(1),
  created: z.string(),
  by: UserName,
  /** Why nothing is delivered any more; absent: it is. */
  stopped: z.string().optional(),
  state: z.object({
    /** Every event up to here is delivered, dead, or of a package in `open`. */
    position: z.int(),
    open: z.record(z.string(), Open),
    dead: z.array(Dead),
  }),
});
/** Where events are sent, and how far this is. */
export type Webhook = z.infer<typeof Webhook>;
export type WebhookState = Webhook["state"];

/** A message of a webhook as it is sent. */
export type WebhookMessage = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/**
 * A message with the headers of the Standard Webhooks specification: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
 *
 * Source: Standard Webhooks, "Webhook metadata", "Signature scheme" (HMAC-SHA256 of `id.timestamp.body`, `v1,` and base64; several
 * signatures with blanks between).
 * @param id the same for every try of an event
 */
export function signedMessage(
  webhook: Pick<Webhook, "url" | "secrets">,
  id: string,
  body: string,
  now: Date,
): WebhookMessage {
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  const valid = webhook.secrets.filter(({ until }) => until === undefined || until > now.getTime());
  const signatures = valid.map(({ secret }) => {
    const key = Buffer.from(secret.slice(SECRET_PREFIX.length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return {
    url: webhook.url,
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatures.join(" "),
    },
  };
}

const SECRET_PREFIX = "whsec_";

/** A secret as Standard Webhooks writes it. @param random 24 to 64 characters */
export function webhookSecret(random: string): string {
  return `${SECRET_PREFIX}${Buffer.from(random).toString("base64")}`;
}
