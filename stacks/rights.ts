import { LAYOUT } from "../packages/core/src/layout.ts";

/**
 * What each function may do: these rights and no others.
 *
 * ARCHITECTURE.md repeats this as a table, and `stacks/test` compares both, and the synthesised policies, with it.
 */
export type FunctionName = "read" | "write" | "account" | "consumer" | "intake" | "redrive";

/** What a right is about. A bucket's objects are named by pattern; `*` in one matches slashes too, as IAM's does. */
export type Target =
  | "bucket"
  | `bucket/${string}`
  | "change queue"
  | "intake queue"
  | "dead-letter queue"
  | "event topic"
  | "own log group"
  | "key of the bucket";

export type Right = { readonly actions: readonly string[]; readonly on: readonly Target[]; readonly why: string };

const LOG: Right = {
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  on: ["own log group"],
  why: "write its log",
};

/** Only where the setting `CODEBOX_KMS_KEY` gives the bucket a key of its own. */
const KEY: Right = {
  actions: ["kms:Decrypt", "kms:GenerateDataKey"],
  on: ["key of the bucket"],
  why: "read and write objects under the key",
};

/** Without it S3 answers 403, not 404, for an object that is not there. */
const LIST = (why = "tell a missing object from a refused one"): Right => ({
  actions: ["s3:ListBucket"],
  on: ["bucket"],
  why,
});

const AUTHENTICATE: Right = { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.tokens.prefix}*`], why: "authenticate" };

/** What Lambda itself asks of the function's role to hand it a queue's messages. Source: AWSLambdaSQSQueueExecutionRole. */
const handed = (queue: Target, why: string): Right => ({
  actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
  on: [queue],
  why,
});

export const RIGHTS: Readonly<Record<FunctionName, readonly Right[]>> = {
  read: [
    LIST("search; tell a missing object from a refused one"),
    {
      actions: ["s3:GetObject"],
      on: ["bucket/*/index.json", "bucket/*.tgz"],
      why: "packuments; tarballs, by the URLs it signs",
    },
    AUTHENTICATE,
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.outcomes.prefix}*`], why: "status of a change" },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      on: [`bucket/${LAYOUT.upstream.prefix}*`],
      why: "cache of the upstream",
    },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.health.prefix}`], why: "ask the bucket whether it is there" },
    LOG,
    KEY,
  ],
  write: [
    LIST(),
    { actions: ["s3:GetObject"], on: ["bucket/*/index.json"], why: "validate against the packument" },
    AUTHENTICATE,
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
      on: [`bucket/${LAYOUT.staging.prefix}*`],
      why: "stage a tarball",
    },
    { actions: ["s3:PutObject"], on: [`bucket/${LAYOUT.messages.prefix}*`], why: "a change too large for a message" },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.outcomes.prefix}*`],
      why: "wait for the outcome; remember who was not told",
    },
    { actions: ["sqs:SendMessage"], on: ["change queue"], why: "queue the change" },
    LOG,
    KEY,
  ],
  account: [
    LIST("list a user's tokens"),
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.tokens.prefix}*`],
      why: "issue, find and revoke tokens",
    },
    LOG,
    KEY,
  ],
  consumer: [
    LIST(),
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: ["bucket/*/index.json"],
      why: "read and write packuments, conditionally",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      on: ["bucket/*.tgz"],
      why: "put tarballs under their final keys; remove unpublished ones",
    },
    {
      actions: ["s3:GetObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.staging.prefix}*`],
      why: "take a staged tarball",
    },
    {
      actions: ["s3:GetObject"],
      on: [`bucket/${LAYOUT.messages.prefix}*`],
      why: "read a change too large for a message",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.outcomes.prefix}*`],
      why: "tell a rejection, once",
    },
    handed("change queue", "be handed changes"),
    { actions: ["sqs:ChangeMessageVisibility"], on: ["change queue"], why: "have a failed change come again soon" },
    { actions: ["sqs:SendMessage"], on: ["dead-letter queue"], why: "put a change aside with the reason" },
    { actions: ["sns:Publish"], on: ["event topic"], why: "announce changes" },
    LOG,
    KEY,
  ],
  intake: [
    LIST(),
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.messages.prefix}*`],
      why: "a change too large for a message",
    },
    handed("intake queue", "be handed other services' messages"),
    {
      actions: ["sqs:SendMessage"],
      on: ["change queue", "dead-letter queue"],
      why: "queue good ones; put bad ones aside with the reason",
    },
    LOG,
    KEY,
  ],
  redrive: [
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
      on: ["dead-letter queue"],
      why: "look at dead letters, and take them out",
    },
    { actions: ["sqs:SendMessage"], on: ["change queue"], why: "put them back into the queue" },
    LOG,
  ],
};

/**
 * Whether a function may.
 *
 * @example permits("read", "s3:GetObject", "bucket/@acme/wire/index.json") // true
 */
export function permits(name: FunctionName, action: string, target: Target): boolean {
  return RIGHTS[name].some(
    (right) => right.actions.includes(action) && right.on.some((pattern) => matches(pattern, target)),
  );
}

function matches(pattern: string, target: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(target);
}

/** The table in ARCHITECTURE.md, between `<!-- rights:start -->` and `<!-- rights:end -->`. */
export function rightsTable(): string {
  const rows = Object.entries(RIGHTS).flatMap(([name, rights]) =>
    rights.map(({ actions, on, why }, index) => [
      index === 0 ? `\`${name}\`` : "",
      actions.map((action) => `\`${action}\``).join(", "),
      on.map((target) => (target.includes("/") ? `\`${target}\`` : target)).join(", "),
      why,
    ]),
  );
  const head = ["function", "may", "on", "in order to"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
