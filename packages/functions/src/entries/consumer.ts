import { createS3Client, createSnsClient, createSqsClient } from "@codebox/aws";
import { systemClock } from "@codebox/system";
import { readEnvironment } from "../environment.ts";
import { consumeLog, createLogger } from "../logging.ts";
import { createMeter } from "../metrics.ts";
import { consumerFunction } from "../workers.ts";

const clients = { s3: createS3Client(), sqs: createSqsClient(), sns: createSnsClient() };

export const handler = consumerFunction(readEnvironment("consumer", process.env), {
  ...clients,
  clock: systemClock,
  random: Math.random,
  log: consumeLog(createLogger("consumer"), createMeter(process.env["AWS_LAMBDA_FUNCTION_NAME"])),
});
