import type { Clock } from "@codebox/core";

export type FifoMessage = {
  readonly id: string;
  readonly group: string;
  readonly body: string;
  /** How often it was received, the present time included. */
  receives: number;
};

/**
 * An SQS FIFO queue in memory, on the clock that is passed in: message groups, visibility and the redrive policy.
 *
 * A group is locked while one of its messages is hidden. A message that was received `maxReceiveCount` times moves to the
 * dead-letter queue at its next receive. Source: SQS developer guide, "FIFO queue delivery logic" and "Dead-letter queues".
 *
 * @example const queue = fifoModel({ clock, visibilitySeconds: 180, maxReceiveCount: 1_000 });
 */
export function fifoModel(settings: {
  readonly clock: Pick<Clock, "now">;
  readonly visibilitySeconds: number;
  readonly maxReceiveCount: number;
}) {
  const { clock, visibilitySeconds, maxReceiveCount } = settings;
  let waiting: FifoMessage[] = [];
  const dead: FifoMessage[] = [];
  const hiddenUntil = new Map<string, number>();
  const now = () => clock.now().getTime();
  const isHidden = ({ id }: FifoMessage) => (hiddenUntil.get(id) ?? 0) > now();
  return {
    dead,
    isEmpty: () => waiting.length === 0,
    send(message: Pick<FifoMessage, "id" | "group" | "body">) {
      waiting.push({ ...message, receives: 0 });
    },
    /** The oldest messages of groups that are not locked, at most ten. */
    receive(): readonly FifoMessage[] {
      const locked = new Set(waiting.filter(isHidden).map(({ group }) => group));
      const received = waiting.filter(({ group }) => !locked.has(group)).slice(0, 10);
      for (const message of received) {
        message.receives++;
        hiddenUntil.set(message.id, now() + visibilitySeconds * 1_000);
        if (message.receives > maxReceiveCount) dead.push(message);
      }
      waiting = waiting.filter((message) => !dead.includes(message));
      return received.filter((message) => !dead.includes(message));
    },
    hide(ids: readonly string[], seconds: number) {
      for (const id of ids) hiddenUntil.set(id, now() + seconds * 1_000);
    },
    delete(ids: readonly string[]) {
      waiting = waiting.filter(({ id }) => !ids.includes(id));
    },
  };
}
