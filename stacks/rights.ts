import { LAYOUT } from "../packages/core/src/layout.ts";

/**
 * What each function may do: these rights and no others.
 *
 * docs/rights.md repeats this as a table. `stacks/test` compares the table and the synthesised policies with it.
 */
export type FunctionName = "read" | "write" | "account" | "consumer" | "intake" | "indexer" | "redrive";

/** The resource of a right. A bucket's objects are named by a pattern. Its `*` also matches slashes, as in IAM. */
export type Target =
  | "bucket"
  | `bucket/${string}`
  | "change queue"
  | "intake queue"
  | "index queue"
  | "dead-letter queue"
  | "intake dead-letter queue"
  | "event topic"
  | "own log group"
  | "key of the bucket";

export type Right = { readonly actions: readonly string[]; readonly on: readonly Target[]; readonly why: string };

const LOG: Right = {
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  on: ["own log group"],
  why: "write its log",
};

/** Only if the setting `CODEBOX_KMS_KEY` gives the bucket its own key. */
const KEY: Right = {
  actions: ["kms:Decrypt", "kms:GenerateDataKey"],
  on: ["key of the bucket"],
  why: "decrypt and encrypt objects",
};

/** Without this right S3 returns 403 instead of 404 for a missing object. */
const LIST = (why = "distinguish a missing object from a forbidden one"): Right => ({
  actions: ["s3:ListBucket"],
  on: ["bucket"],
  why,
});

const AUTHORISE: Right = { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.access.prefix}*`], why: "read the rights" };

const AUTHENTICATE: Right = { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.tokens.prefix}*`], why: "authenticate" };

const ACCOUNTS: Right = {
  actions: ["s3:GetObject"],
  on: [`bucket/${LAYOUT.accounts.prefix}*`],
  why: "find the user of an account at a sign-in provider",
};

/** A function with this right alone can make no token: a record is another object. */
const RECORD_USE: Right = {
  actions: ["s3:PutObject"],
  on: [`bucket/${LAYOUT.uses.prefix}*`],
  why: "record the day of a token's last use",
};

/** The rights that Lambda needs in the function's role to deliver a queue's messages. Source: AWSLambdaSQSQueueExecutionRole. */
const receive = (queue: Target, why: string): Right => ({
  actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
  on: [queue],
  why,
});

const AUDIT: Right = {
  actions: ["s3:PutObject"],
  on: [`bucket/${LAYOUT.audit.prefix}*`],
  why: "add to the audit log, which it can't read",
};

export const RIGHTS: Readonly<Record<FunctionName, readonly Right[]>> = {
  read: [
    LIST(),
    {
      actions: ["s3:GetObject"],
      on: ["bucket/*/index.json", "bucket/*.tgz"],
      why: "read packuments; sign URLs of tarballs",
    },
    AUTHENTICATE,
    ACCOUNTS,
    AUTHORISE,
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.outcomes.prefix}*`], why: "read the status of a change" },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.history.prefix}*`], why: "answer a package's history" },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      on: [`bucket/${LAYOUT.upstream.prefix}*`],
      why: "cache upstream packages",
    },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.trust.prefix}*`], why: "list trust rules" },
    {
      actions: ["s3:GetObject"],
      on: [`bucket/${LAYOUT.staged.prefix}*`],
      why: "show staged versions; sign URLs of their tarballs",
    },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.releases.prefix}*`], why: "show what is released, and no more" },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.search.prefix}*`], why: "search; list packages" },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.health.prefix}`], why: "check that the bucket is available" },
    LOG,
    KEY,
  ],
  write: [
    LIST(),
    { actions: ["s3:GetObject"], on: ["bucket/*/index.json"], why: "validate against the packument" },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.history.prefix}*`], why: "undo a change; restore earlier tags" },
    AUTHENTICATE,
    ACCOUNTS,
    RECORD_USE,
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.access.prefix}*`],
      why: "read and change the rights, conditionally",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
      on: [`bucket/${LAYOUT.staging.prefix}*`],
      why: "stage a tarball",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
      on: [`bucket/${LAYOUT.staged.prefix}*`],
      why: "stage a version for approval; approve it",
    },
    {
      actions: ["s3:PutObject"],
      on: [`bucket/${LAYOUT.messages.prefix}*`],
      why: "store a change too large for a message",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.trust.prefix}*`],
      why: "read and write trust rules",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.outcomes.prefix}*`],
      why: "wait for the outcome; remember a change that was answered before it",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.unanswered.prefix}*`],
      why: "recognise a publish that is sent again",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.releases.prefix}*`],
      why: "open and decide a release, conditionally",
    },
    AUDIT,
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
    AUTHORISE,
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.uses.prefix}*`],
      why: "record, show and delete the day of a token's last use",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.trust.prefix}*`],
      why: "find the trust rule of a CI job; bind it to the job's repository",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.accounts.prefix}*`],
      why: "make the user of an account at its first sign-in",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.sessions.prefix}*`],
      why: "keep the logins that were begun",
    },
    { actions: ["s3:PutObject"], on: [`bucket/${LAYOUT.spent.prefix}*`], why: "accept an ID token once" },
    AUDIT,
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
    AUTHORISE,
    {
      actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      on: ["bucket/*.tgz"],
      why: "copy tarballs to their final keys; delete unpublished ones",
    },
    {
      actions: ["s3:GetObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.staging.prefix}*`],
      why: "read and delete a staged tarball",
    },
    {
      actions: ["s3:GetObject", "s3:DeleteObject"],
      on: [`bucket/${LAYOUT.staged.prefix}*`],
      why: "publish an approved version; delete what was staged",
    },
    {
      actions: ["s3:GetObject"],
      on: [`bucket/${LAYOUT.messages.prefix}*`],
      why: "read a change too large for a message",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.outcomes.prefix}*`],
      why: "store a rejection, once",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.history.prefix}*`],
      why: "keep the history of each package",
    },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.releases.prefix}*`],
      why: "read what is decided; abort a release that nobody decides",
    },
    receive("change queue", "receive changes"),
    { actions: ["sqs:ChangeMessageVisibility"], on: ["change queue"], why: "have a failed change redelivered soon" },
    { actions: ["sqs:SendMessage"], on: ["dead-letter queue"], why: "dead-letter a change with the reason" },
    { actions: ["sns:Publish"], on: ["event topic"], why: "announce changes" },
    LOG,
    KEY,
  ],
  indexer: [
    LIST("build the search index; distinguish a missing object from a forbidden one"),
    { actions: ["s3:GetObject"], on: ["bucket/*/index.json"], why: "read the packuments that changed" },
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.search.prefix}*`],
      why: "read and write the search index, conditionally",
    },
    receive("index queue", "receive events"),
    LOG,
    KEY,
  ],
  intake: [
    LIST(),
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      on: [`bucket/${LAYOUT.messages.prefix}*`],
      why: "store a change too large for a message",
    },
    receive("intake queue", "receive other services' messages"),
    {
      actions: ["sqs:SendMessage"],
      on: ["change queue", "intake dead-letter queue"],
      why: "queue valid changes; dead-letter invalid ones with the reason",
    },
    LOG,
    KEY,
  ],
  redrive: [
    LIST(),
    {
      actions: ["s3:GetObject"],
      on: ["bucket/*/index.json"],
      why: "refuse a change of a tag that was changed since",
    },
    { actions: ["s3:GetObject"], on: [`bucket/${LAYOUT.releases.prefix}*`], why: "see released tags as readers do" },
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
      on: ["dead-letter queue"],
      why: "list dead letters and remove them",
    },
    { actions: ["sqs:SendMessage"], on: ["change queue"], why: "return them to the queue" },
    LOG,
    KEY,
  ],
};
