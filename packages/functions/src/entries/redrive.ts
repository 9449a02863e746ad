import { createS3Client, createSqsClient } from "@codebox/aws";
import { systemClock } from "@codebox/system";
import { readEnvironment } from "../environment.ts";
import { redriveFunction } from "../workers.ts";

export const handler = redriveFunction(readEnvironment("redrive", process.env), {
  s3: createS3Client(),
  sqs: createSqsClient(),
  clock: systemClock,
});
