import { createSqsClient, createSqsDeadLetters } from "@codebox/aws";
import { readEnvironment } from "../environment.ts";
import { createRedriveHandler } from "../redrive.ts";

const env = readEnvironment("redrive", process.env);
const urls = { queueUrl: env.CODEBOX_QUEUE_URL, deadLettersUrl: env.CODEBOX_DEAD_LETTERS_URL };

export const handler = createRedriveHandler(createSqsDeadLetters(createSqsClient(), urls));
