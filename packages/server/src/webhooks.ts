import { createWebhookDelivery, createWebhooks, type Clock, type Ids, type LocalBackend } from "@codebox/core";
import { createWebhookSender } from "@codebox/upstream";
import type { Logger } from "pino";
import type { Settings } from "./settings.ts";

type Parts = { readonly settings: Settings; readonly log: Logger; readonly clock: Clock; readonly ids: Ids };

/** The webhooks of this registry, and their delivery, which has to be run. */
export function openWebhooks({ store, eventReader }: LocalBackend, { settings, log, clock, ids }: Parts) {
  const webhooks = createWebhooks({ store, clock, ids });
  const sender = createWebhookSender({ allowPrivate: settings.webhookPrivate });
  const onFailure = (error: unknown) =>
    log.error({ err: error }, "webhooks could not be delivered; they are tried again");
  const delivery = createWebhookDelivery({ webhooks, events: eventReader, sender, clock, onFailure });
  return { webhooks, events: eventReader, sender, delivery };
}
