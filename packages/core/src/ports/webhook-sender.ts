import type { WebhookMessage } from "../webhooks/webhook.ts";

/**
 * Sends the messages of webhooks.
 *
 * Error semantics: nothing throws. What went wrong is data: the caller tries again.
 */
export interface WebhookSender {
  /** The status of the answer, or why there is none. A redirect is an answer, and is not followed. */
  send(message: WebhookMessage, signal?: AbortSignal): Promise<WebhookAnswer>;
  /** What is wrong with a target before anything is sent: an address that is not allowed. `undefined`: nothing. */
  problem(url: string): Promise<string | undefined>;
}
export type WebhookAnswer = { readonly status: number } | { readonly failure: string };
