import {
  createS3Client, createS3ObjectStore, createS3Outcomes, createSnsClient, createSnsEventLog, createSqsClient, createSqsDeadLetters,
  hideMessages,
} from "@codebox/aws"; // prettier-ignore
import { createConsumer, createPackumentReader } from "@codebox/core";
import { systemClock } from "../ambient.ts";
import { bucketOf } from "../bucket.ts";
import { createConsumeHandler } from "../consume.ts";
import { readEnvironment } from "../environment.ts";
import { consumeLog, createLogger } from "../logging.ts";

const env = readEnvironment("consumer", process.env);
const sqs = createSqsClient();
const urls = { queueUrl: env.CODEBOX_QUEUE_URL, deadLettersUrl: env.CODEBOX_DEAD_LETTERS_URL };
const store = createS3ObjectStore(createS3Client(), bucketOf(env));
const reader = createPackumentReader(store);
const clock = systemClock;
const outcomes = createS3Outcomes({ store, reader, clock });
const events = createSnsEventLog(createSnsClient(), { topicArn: env.CODEBOX_TOPIC_ARN });

export const handler = createConsumeHandler({
  consumer: createConsumer({ store, reader, events, outcomes, clock }),
  store,
  deadLetters: createSqsDeadLetters(sqs, urls),
  pause: (records, seconds) => {
    const receipts = records.map(({ receiptHandle: receipt }) => ({ receipt }));
    return hideMessages(sqs, urls.queueUrl, receipts, seconds);
  },
  log: consumeLog(createLogger("consumer")),
});
