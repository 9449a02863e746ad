import { InvalidArgumentError, Option } from "commander";

/** Options that several commands share. */
export const options = {
  bucket: () => new Option("--bucket <name>", "the bucket of the packages (or CODEBOX_BUCKET)"),
  kmsKey: () => new Option("--kms-key <arn>", "the KMS key of its objects (or CODEBOX_KMS_KEY); default: S3's own"),
  endpoint: () => new Option("--endpoint <url>", "another endpoint than AWS's: an emulator's (or AWS_ENDPOINT_URL)"),
  registry: () =>
    new Option(
      "--registry <url>",
      "a registry on one machine, with an administrator's token from .npmrc; instead of --bucket",
    ),
  dryRun: () => new Option("--dry-run", "say what would be done, and do none of it").default(false),
  state: () =>
    new Option("--state <file>", "where it remembers how far it is (default: .codebox-<command>-<bucket>.json)"),
  restart: () => new Option("--restart", "start again instead of where an earlier run stopped").default(false),
  concurrency: (count: number) =>
    new Option("--concurrency <n>", "how many at a time").argParser(positive).default(count),
  queueUrl: () => new Option("--queue-url <url>", "the queue of changes (or CODEBOX_QUEUE_URL)"),
  deadLettersUrl: () =>
    new Option("--dead-letters-url <url>", "the queue of dead letters (or CODEBOX_DEAD_LETTERS_URL)"),
} as const;

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100) throw new InvalidArgumentError("it must be 1 to 100.");
  return value;
}
