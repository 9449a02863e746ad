import { alarms } from "./alarms.ts";
import { api } from "./api.ts";
import { backup } from "./backup.ts";
import { consume } from "./consume.ts";
import { dashboard } from "./dashboard.ts";
import { events } from "./events.ts";
import { functions, timeoutOf } from "./functions.ts";
import { closeQueues, queues } from "./queue.ts";
import type { Settings } from "./settings.ts";
import { storage } from "./storage.ts";

/** The complete registry of a stage. The returned values are printed after a deployment. */
export function registry(settings: Settings) {
  const bucket = storage(settings);
  backup(bucket, settings);
  const lines = queues(timeoutOf, settings);
  const topics = events(lines, settings);
  const lambdas = functions(bucket, lines, topics, settings);
  closeQueues(lines, lambdas, settings);
  const mappings = consume(lines, lambdas, settings);
  const gateway = api(lambdas, settings);
  const alarmTopic = alarms({ queues: lines, topics, functions: lambdas, mappings, api: gateway }, settings);
  dashboard(lines, lambdas, gateway);
  return {
    registry: gateway.url,
    bucket: bucket.name,
    changeQueue: lines.changes.url,
    deadLetters: lines.deadLetters.url,
    intakeQueue: lines.intake.url,
    intakeDeadLetters: lines.intakeDeadLetters.url,
    events: topics.events.arn,
    intake: topics.intake.arn,
    alarms: alarmTopic,
    redrive: lambdas.redrive.name,
  };
}
