import type { ApiPorts } from "@codebox/api";
import { Logger } from "@aws-lambda-powertools/logger";
import type { ConsumeLog } from "./consume.ts";
import type { IndexerParts } from "./indexer.ts";
import type { IntakeParts } from "./intake.ts";
import type { Meter } from "./metrics.ts";

/** A function's log: JSON lines in CloudWatch. It never holds a token, a header or a body. */
export function createLogger(name: string): Logger {
  return new Logger({ serviceName: `codebox-${name}` });
}

/** Every request as one line; failures of ours with their cause. */
export function requestLog(
  logger: Logger,
  meter: Meter,
): Required<Pick<ApiPorts, "onRequest" | "onFailure">> & { readonly onUndecided: () => void } {
  return {
    onUndecided: () =>
      logger.warn(
        "nobody has decided who may do what: everybody who is signed in may change every package; docs/access.md says how to decide",
      ),
    onRequest: (entry) => {
      logger.info("request", { ...entry });
      meter.answered(entry.status);
    },
    onFailure: (error, entry) => logger.error("request failed", { ...entry, error: asError(error) }),
  };
}

export function consumeLog(logger: Logger, meter: Meter): ConsumeLog {
  return {
    applied: (name, outcomes, waitedMs) => {
      const rejected = outcomes.filter(({ state }) => state === "rejected").length;
      const changes = outcomes.map(({ id }) => id);
      logger.info("changes applied", { package: name, applied: outcomes.length - rejected, rejected, changes });
      meter.applied({ changes: outcomes.length, rejected, waitedMs });
    },
    failed: (group, error, messages) =>
      logger.error("changes will be delivered again", { group, messages, error: asError(error) }),
    postponed: (group, messages) => logger.warn("changes postponed: the time was nearly up", { group, messages }),
    dead: (id, group, reason) => logger.error("put among the dead letters", { id, group, reason }),
  };
}

export function intakeLog(logger: Logger): IntakeParts["log"] {
  return {
    taken: (id, name, sender) => logger.info("change queued", { id, package: name, sender }),
    dead: (id, reason) => logger.error("put among the dead letters", { id, reason }),
    failed: (error) => logger.error("messages will be delivered again", { error: asError(error) }),
  };
}

export function indexLog(logger: Logger): IndexerParts["log"] {
  return {
    indexed: (packages) => logger.info("packages indexed", { packages }),
    built: (packages) => logger.info("search index built", { packages }),
    failed: (error) => logger.error("the search index is behind", { error: asError(error) }),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
