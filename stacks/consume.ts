import { INDEXERS, INTAKES, type Functions } from "./functions.ts";
import type { Queues } from "./queue.ts";
import type { Settings } from "./settings.ts";

/** The largest batch that Lambda takes from a FIFO queue. */
const BATCH = 10;

/** Events that are indexed together, and how many seconds the first of them waits for others: each batch writes an object. */
const INDEX_BATCH = 100;
const INDEX_WINDOW_SECONDS = 2;

/** In `sst dev` all packages change one after the other, as far as SQS allows it: two is the least. */
const DEV_CONCURRENCY = 2;

/** Ids of the event source mappings. CloudWatch's metrics use them. */
export type Mappings = {
  readonly changes: $util.Output<string>;
  readonly intake: $util.Output<string>;
};

/**
 * Connects the queues to their functions.
 *
 * Partial responses: a failed message delays only its own message group. `EventCount` metrics count the messages that are reported as
 * failed. A function's `Errors` does not count them, because the function itself succeeded.
 */
export function consume(queues: Queues, functions: Functions, settings: Settings): Mappings {
  const map = (queue: sst.aws.Queue, to: sst.aws.Function, maximumConcurrency: number) =>
    queue
      .subscribe(to.arn, {
        batch: { size: BATCH, partialResponses: true },
        transform: {
          eventSourceMapping(args) {
            args.scalingConfig = { maximumConcurrency: $dev ? DEV_CONCURRENCY : maximumConcurrency };
            args.metricsConfig = { metrics: ["EventCount"] };
          },
        },
      })
      .apply(({ nodes }) => nodes.eventSourceMapping.uuid);
  queues.index.subscribe(functions.indexer.arn, {
    batch: { size: INDEX_BATCH, window: `${INDEX_WINDOW_SECONDS} seconds`, partialResponses: true },
    transform: {
      eventSourceMapping(args) {
        args.scalingConfig = { maximumConcurrency: INDEXERS };
        args.metricsConfig = { metrics: ["EventCount"] };
      },
    },
  });
  return {
    changes: map(queues.changes, functions.consumer, settings.consumers),
    intake: map(queues.intake, functions.intake, INTAKES),
  };
}
