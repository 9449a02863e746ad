import { createS3Client } from "@codebox/aws";
import { systemClock } from "@codebox/system";
import { readEnvironment } from "../environment.ts";
import { createLogger, indexLog } from "../logging.ts";
import { indexerFunction } from "../workers.ts";

export const handler = indexerFunction(readEnvironment("indexer", process.env), {
  s3: createS3Client(),
  clock: systemClock,
  random: Math.random,
  log: indexLog(createLogger("indexer")),
});
