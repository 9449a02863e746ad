import type { Clock } from "../ports/clock.ts";
import type { EventReader } from "../ports/event-log.ts";
import type { WebhookSender } from "../ports/webhook-sender.ts";
import { deliverRound } from "./round.ts";
import type { Webhooks } from "./store.ts";

/** The pause after a failure of the store, in milliseconds. */
const FAILURE_MS = 5_000;
/** The longest wait for the next try, in milliseconds: a clock that is set back must not make it longer. */
const WAIT_MS = 60_000;

export type DeliveryPorts = {
  readonly webhooks: Webhooks;
  readonly events: EventReader;
  readonly sender: WebhookSender;
  readonly clock: Clock;
  /** Called with failures of the store. They are tried again. */
  readonly onFailure: (error: unknown) => void;
};

export type WebhookDelivery = {
  /** Delivers until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Call it after webhooks were changed. */
  wake(): void;
};

/**
 * Delivers the events of the log to all webhooks, each at its own pace.
 *
 * The position is saved after each round, so nothing is lost in a crash, and some events come again.
 *
 * @example const delivery = createWebhookDelivery(ports); const running = delivery.run(signal);
 */
export function createWebhookDelivery({ webhooks, events, sender, clock, onFailure }: DeliveryPorts): WebhookDelivery {
  const sleepers = new Set<AbortController>();
  const wake = () => {
    for (const sleeper of sleepers) sleeper.abort();
  };
  /** Something to sleep on, which a wake-up before the sleep also ends. */
  const sleeper = () => {
    const own = new AbortController();
    sleepers.add(own);
    return async (ms: number, signal: AbortSignal) => {
      await clock.sleep(ms, AbortSignal.any([own.signal, signal]));
      sleepers.delete(own);
    };
  };
  /** Repeats a step, which returns how long to wait before the next; `undefined` ends it. */
  const repeat = async (signal: AbortSignal, step: () => Promise<number | undefined>) => {
    while (!signal.aborted) {
      const sleep = sleeper();
      let pause: number | undefined;
      try {
        pause = await step();
      } catch (error) {
        onFailure(error);
        await clock.sleep(FAILURE_MS, signal);
        pause = 0;
      }
      await sleep(pause ?? 0, signal);
      if (pause === undefined) return;
    }
  };
  const follow = (id: string, signal: AbortSignal) =>
    repeat(signal, async () => {
      const stored = await webhooks.find(id);
      if (!stored || stored.webhook.stopped !== undefined) return undefined;
      const { state, stopped, progressed, due } = await deliverRound(stored.webhook, {
        events,
        clock,
        sender: { send: (message) => sender.send(message, signal) },
      });
      // What was under way when the host stopped comes again.
      if (signal.aborted) return undefined;
      if (progressed) await webhooks.save(stored, state, stopped);
      if (progressed) return 0;
      return due === undefined ? WAIT_MS : Math.min(WAIT_MS, Math.max(0, due - clock.now().getTime()));
    });
  return {
    wake,
    async run(signal) {
      const followed = new Map<string, Promise<void>>();
      const unsubscribe = events.subscribe(wake);
      try {
        await repeat(signal, async () => {
          for (const { webhook } of await webhooks.list())
            if (webhook.stopped === undefined && !followed.has(webhook.id)) {
              const following = follow(webhook.id, signal).finally(() => followed.delete(webhook.id));
              followed.set(webhook.id, following);
            }
          return WAIT_MS;
        });
      } finally {
        unsubscribe();
        await Promise.all(followed.values());
      }
    },
  };
}
