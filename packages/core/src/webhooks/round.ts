import { matchesPattern } from "../access/rights.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventReader, LoggedEvent } from "../ports/event-log.ts";
import type { WebhookSender } from "../ports/webhook-sender.ts";
import {
  signedMessage,
  WEBHOOK_DEAD_MAX,
  WEBHOOK_OPEN_MAX,
  WEBHOOK_PAUSES,
  type OpenDelivery,
  type Webhook,
  type WebhookState,
} from "./webhook.ts";

/** Events that are delivered before the position is saved: so many come again after a crash, at most. */
const PAGE = 20;
/** Events that are read at once while those of one package are looked for, and how often in one round. */
const SCAN = 200;
const SCANS = 50;

export type RoundPorts = {
  readonly events: Pick<EventReader, "read">;
  readonly sender: Pick<WebhookSender, "send">;
  readonly clock: Pick<Clock, "now">;
};

export type Round = {
  readonly state: WebhookState;
  /** Set when nothing is to be delivered any more. */
  readonly stopped?: string;
  /** Whether there was something to do. If not, the next round is for the next event, or at `due`. */
  readonly progressed: boolean;
  /** When the next try is due, in milliseconds since 1970. */
  readonly due?: number;
};

/**
 * Delivers the next events of a webhook, and tries again what is due. Does not save anything.
 *
 * Packages do not wait for each other: when an event fails, only the later ones of its package wait for it. An event is delivered at
 * least once; each package's in order.
 *
 * @example const { state } = await deliverRound(webhook, { events, sender, clock });
 */
export async function deliverRound(webhook: Webhook, { events, sender, clock }: RoundPorts): Promise<Round> {
  const open = new Map(Object.entries(webhook.state.open));
  const dead = [...webhook.state.dead];
  let { position } = webhook.state;
  let stopped: string | undefined;

  /** `undefined`: the event is settled. */
  const deliver = async ({ position: at, event }: LoggedEvent, tried: number): Promise<OpenDelivery | undefined> => {
    const now = clock.now();
    const answer = await sender.send(signedMessage(webhook, event.id, JSON.stringify(event), now));
    if ("status" in answer && answer.status >= 200 && answer.status < 300) return undefined;
    const reason = "status" in answer ? `the receiver answered ${answer.status}` : answer.failure;
    // Standard Webhooks: the receiver wants no more messages.
    if ("status" in answer && answer.status === 410) stopped = reason;
    const pause = WEBHOOK_PAUSES[tried];
    if (pause !== undefined) return { position: at, attempts: tried + 1, due: now.getTime() + pause * 1_000, reason };
    const { id, name, sequence } = event;
    dead.push({ position: at, id, name, sequence, reason, at: now.toISOString() });
    return undefined;
  };
  /** Delivers the events of a package from a failed one on, as far as `position`. */
  const retry = async (name: string, failed: OpenDelivery): Promise<OpenDelivery | undefined> => {
    let after = failed.position - 1;
    for (let scan = 0; scan < SCANS; scan++) {
      const page = await events.read(after, SCAN);
      for (const logged of page) {
        if (logged.position > webhook.state.position) return undefined;
        after = logged.position;
        if (logged.event.name !== name) continue;
        const still = await deliver(logged, after === failed.position ? failed.attempts : 0);
        if (still) return still;
      }
      if (page.length === 0) return undefined;
    }
    return { ...failed, position: after + 1, attempts: 0, due: clock.now().getTime() };
  };
  const settle = (name: string, failed: OpenDelivery | undefined) => {
    if (failed) open.set(name, failed);
    else open.delete(name);
  };

  const now = clock.now().getTime();
  const due = [...open].filter(([, failed]) => failed.due <= now);
  await Promise.all(due.map(async ([name, failed]) => settle(name, await retry(name, failed))));
  const page = open.size < WEBHOOK_OPEN_MAX && stopped === undefined ? await events.read(position, PAGE) : [];
  const wanted = page.filter(({ event }) => matchesPattern(webhook.packages, event.name) && !open.has(event.name));
  const packages = Map.groupBy(wanted, ({ event }) => event.name);
  await Promise.all(
    [...packages].map(async ([name, logged]) => {
      for (const one of logged) {
        const failed = await deliver(one, 0);
        if (failed) return settle(name, failed);
      }
    }),
  );
  position = page.at(-1)?.position ?? position;
  const next = Math.min(...[...open.values()].map((failed) => failed.due));
  return {
    state: { position, open: Object.fromEntries(open), dead: dead.slice(-WEBHOOK_DEAD_MAX) },
    progressed: page.length > 0 || due.length > 0,
    ...(stopped === undefined ? {} : { stopped }),
    ...(open.size === 0 ? {} : { due: next }),
  };
}
