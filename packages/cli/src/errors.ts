import { nameOf, statusOf } from "@codebox/aws";
import { isRecord, QueueUnavailable, StoreUnavailable } from "@codebox/core";

/** The command was called in a way that can't work: exit code 2. The message says how to call it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command could not do what was asked: exit code 1. The message says what is wrong and how to fix it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The user pressed Ctrl-C: exit code 1, and what was done stays done. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/**
 * Whether S3 refused one object, and may well give the next: a right, a key that is disabled, a tarball in an archive.
 *
 * Credentials that ended, a bucket that is gone and trouble of the network are about all of them, and stop a command.
 */
export function isAboutOneObject(error: unknown): error is Error {
  return /^(?:AccessDenied$|Forbidden$|InvalidObjectState$|KMS\.)/.test(nameOf(error));
}

/** 0: good. 1: something was found or failed. 2: called wrongly. */
export type ExitCode = 0 | 1 | 2;

/** What the operator reads about a failure: what is wrong, and how to fix it. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || error instanceof CommandError || error instanceof Interrupted)
    return error.message;
  if (error.name === "AbortError") return "interrupted; what is not finished is not published. Run the command again";
  if (error instanceof StoreUnavailable || error instanceof QueueUnavailable)
    return `${error.message.replace(/\.+$/, "")}. Run the command again in a moment; what was done is not done twice`;
  const code = isRecord(error) && typeof error["code"] === "string" ? error["code"] : "";
  const known = AWS[nameOf(error)] ?? NETWORK[code];
  if (known !== undefined) return `${error.message.trim().replace(/\.$/, "")}: ${known}`;
  if (statusOf(error) === 403) return `${error.message}: ${RIGHTS}`;
  return error.message === "" ? error.name : error.message;
}

const RIGHTS = "the credentials lack a right for it; see the rights in docs/operations.md";
const CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or take a role";
const AWS: Readonly<Record<string, string>> = {
  NoSuchBucket: "check --bucket (CODEBOX_BUCKET), and that the account is the right one",
  PermanentRedirect: "the bucket is in another region; set AWS_REGION to its own",
  QueueDoesNotExist: "check --queue-url and --dead-letters-url, and AWS_REGION",
  AccessDenied: RIGHTS,
  AccessDeniedException: RIGHTS,
  Forbidden: RIGHTS,
  CredentialsProviderError: CREDENTIALS,
  ExpiredToken: CREDENTIALS,
  InvalidAccessKeyId: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
};
const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; check the address",
  ENOTFOUND: "there is no such host; check the address, and AWS_REGION",
  EACCES: "choose a file that you may write",
};
