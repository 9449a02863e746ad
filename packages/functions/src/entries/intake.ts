import {
  createS3Client, createS3ObjectStore, createSqsChangeQueue, createSqsClient, createSqsDeadLetters,
} from "@codebox/aws"; // prettier-ignore
import { bucketOf } from "../bucket.ts";
import { readEnvironment } from "../environment.ts";
import { createIntakeHandler } from "../intake.ts";
import { createLogger, intakeLog } from "../logging.ts";

const env = readEnvironment("intake", process.env);
const client = createSqsClient();
const urls = { queueUrl: env.CODEBOX_QUEUE_URL, deadLettersUrl: env.CODEBOX_DEAD_LETTERS_URL };
const store = createS3ObjectStore(createS3Client(), bucketOf(env));

export const handler = createIntakeHandler({
  queue: createSqsChangeQueue({ client, store }, urls),
  store,
  deadLetters: createSqsDeadLetters(client, urls),
  log: intakeLog(createLogger("intake")),
});
