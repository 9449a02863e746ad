import { UpstreamMalformed, UpstreamUnavailable, type WebhookSender } from "@codebox/core";
import { isPrivateHost } from "./addresses.ts";
import { createClient } from "./http-client.ts";

/** How long a receiver may take to answer, in milliseconds. Standard Webhooks recommends 15 to 30 seconds. */
const ANSWER_MS = 15_000;

/**
 * The `WebhookSender` port over HTTP.
 *
 * Without `allowPrivate` it sends to public addresses over https only. The address is checked when the connection is made, after DNS, so
 * a name that resolves to something else later does not get round the check. It follows no redirect and reads no body.
 *
 * @example createWebhookSender({ allowPrivate: false })
 */
export function createWebhookSender({ allowPrivate }: { readonly allowPrivate: boolean }): WebhookSender {
  const client = createClient(ANSWER_MS);
  const refused = "webhooks need https and a public address; --webhook-private allows others";
  return {
    async send({ url, headers, body }, signal) {
      const target = new URL(url);
      if (!allowPrivate && target.protocol !== "https:") return { failure: refused };
      try {
        const sent = { ...headers, "user-agent": "codebox-webhook" };
        const answer = await client(target, { method: "POST", headers: sent, body, publicOnly: !allowPrivate, signal });
        answer.discard();
        return { status: answer.status };
      } catch (error) {
        if (error instanceof UpstreamMalformed || error instanceof UpstreamUnavailable)
          return { failure: error.message };
        throw error;
      }
    },
    async problem(url) {
      const { protocol, hostname } = new URL(url);
      if (allowPrivate) return undefined;
      return protocol !== "https:" || (await isPrivateHost(hostname)) ? refused : undefined;
    },
  };
}
