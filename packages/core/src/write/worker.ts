import { setMaxListeners } from "node:events";
import { BATCH_MAX } from "../domain/limits.ts";
import type { ChangeBatch, LocalReceiver } from "../ports/change-queue.ts";
import type { Consumer } from "./consumer.ts";

export type WorkerParts = {
  readonly queue: Omit<LocalReceiver, "needs">;
  readonly consumer: Consumer;
  /** Called for each batch that failed and will be redelivered; without a batch when none could be received. */
  readonly onFailure: (error: unknown, batch?: ChangeBatch) => void;
  /** Groups handled at a time. */
  readonly concurrency: number;
};

export type Worker = {
  start(): void;
  /** Stops once nothing is queued, or at the first failure that would make it wait: what is left is applied at the next start. */
  drain(): Promise<void>;
};

/** Takes batches from the queue and hands them to the consumer. A failure gives its batch back and touches no other group. */
export function createWorker({ queue, consumer, onFailure, concurrency }: WorkerParts): Worker {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  let draining = false;
  let loops: Promise<void>[] = [];

  const giveBack = async (batch: ChangeBatch) => {
    try {
      await queue.release(batch);
    } catch (error) {
      // It comes again all the same; only how often it failed is forgotten.
      onFailure(error, batch);
    }
  };
  const handle = async (batch: ChangeBatch) => {
    try {
      const outcomes = await consumer(
        batch.group,
        batch.messages.map(({ change }) => change),
      );
      // The others wait for a release. They are handed out again.
      await queue.acknowledge({ ...batch, messages: batch.messages.slice(0, outcomes.length) });
    } catch (error) {
      onFailure(error, batch);
      await giveBack(batch);
      if (draining) stop.abort();
    }
    if (draining && (await queue.isEmpty())) stop.abort();
  };
  const receive = async (): Promise<ChangeBatch | "failed" | undefined> => {
    try {
      return await queue.receive({ max: BATCH_MAX, signal: stop.signal });
    } catch (error) {
      onFailure(error);
      if (draining) stop.abort();
      return "failed";
    }
  };
  const loop = async () => {
    for (;;) {
      const batch = await receive();
      if (batch === undefined) return;
      if (batch !== "failed") await handle(batch);
    }
  };
  return {
    start() {
      loops = Array.from({ length: concurrency }, loop);
    },
    async drain() {
      draining = true;
      if (await queue.isEmpty()) stop.abort();
      await Promise.all(loops);
    },
  };
}
