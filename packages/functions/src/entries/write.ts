import { createS3Client, createSqsClient } from "@codebox/aws";
import { systemClock, systemIds } from "@codebox/system";
import { createWriteApp } from "../apps.ts";
import { readEnvironment } from "../environment.ts";
import { gatewayHandler } from "../gateway.ts";
import { createLogger, requestLog } from "../logging.ts";
import { createMeter } from "../metrics.ts";

const env = readEnvironment("write", process.env);
const clients = { s3: createS3Client(), sqs: createSqsClient() };
const parts = { ...clients, clock: systemClock, ids: systemIds, random: Math.random };

export const handler = gatewayHandler(
  createWriteApp(env, {
    ...parts,
    ...requestLog(createLogger("write"), createMeter(process.env["AWS_LAMBDA_FUNCTION_NAME"])),
  }),
);
