import { createS3Client, createSqsClient } from "@codebox/aws";
import { readEnvironment } from "../environment.ts";
import { createLogger, intakeLog } from "../logging.ts";
import { intakeFunction } from "../workers.ts";

const clients = { s3: createS3Client(), sqs: createSqsClient() };

export const handler = intakeFunction(readEnvironment("intake", process.env), {
  ...clients,
  log: intakeLog(createLogger("intake")),
});
