import { createS3Client } from "@codebox/aws";
import { systemClock, systemIds } from "@codebox/system";
import { createAccountApp } from "../apps.ts";
import { readEnvironment } from "../environment.ts";
import { gatewayHandler } from "../gateway.ts";
import { createLogger, requestLog } from "../logging.ts";
import { createMeter } from "../metrics.ts";

const env = readEnvironment("account", process.env);
const parts = { s3: createS3Client(), clock: systemClock, ids: systemIds, random: Math.random };

export const handler = gatewayHandler(
  createAccountApp(env, {
    ...parts,
    ...requestLog(createLogger("account"), createMeter(process.env["AWS_LAMBDA_FUNCTION_NAME"])),
  }),
);
