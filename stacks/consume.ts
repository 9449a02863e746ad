import { INTAKES, type Functions } from "./functions.ts";
import type { Queues } from "./queue.ts";
import type { Settings } from "./settings.ts";

/** The most that Lambda hands over of a FIFO queue at once. */
const BATCH = 10;

/** Ids of the event source mappings, by which CloudWatch knows them. */
export type Mappings = {
  readonly changes: $util.Output<string>;
  readonly intake: $util.Output<string>;
};

/**
 * Hands the queues' messages to their functions.
 *
 * Partial responses: a failed message keeps back its own group, and only that. `EventCount` metrics count the events
 * reported as failed, which a function's `Errors` does not: the function itself succeeded.
 */
export function consume(queues: Queues, functions: Functions, settings: Settings): Mappings {
  const map = (queue: sst.aws.Queue, to: sst.aws.Function, maximumConcurrency: number) =>
    queue
      .subscribe(to.arn, {
        batch: { size: BATCH, partialResponses: true },
        transform: {
          eventSourceMapping(args) {
            args.scalingConfig = { maximumConcurrency };
            args.metricsConfig = { metrics: ["EventCount"] };
          },
        },
      })
      .apply(({ nodes }) => nodes.eventSourceMapping.uuid);
  return {
    changes: map(queues.changes, functions.consumer, settings.consumers),
    intake: map(queues.intake, functions.intake, INTAKES),
  };
}
