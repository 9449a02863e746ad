import { isRecord } from "@codebox/core";

/** The HTTP status of a failure that AWS answered; `undefined` when no answer came. */
export function statusOf(error: unknown): number | undefined {
  const metadata = isRecord(error) ? error["$metadata"] : undefined;
  const status = isRecord(metadata) ? metadata["httpStatusCode"] : undefined;
  return typeof status === "number" ? status : undefined;
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}

/** Node's codes of a connection that was refused, reset or never made. */
const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/**
 * Whether the service could not be reached, or said that it can't now: what another try may cure.
 *
 * Anything else (a right that is missing, a bucket that does not exist) is a mistake of the installation and surfaces as it is.
 */
export function isUnavailable(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined && (status >= 500 || status === 429 || status === 408)) return true;
  const name = nameOf(error);
  if (/Timeout|Throttl|SlowDown|RequestLimitExceeded|TooManyRequests|AbortError/.test(name)) return true;
  const code = isRecord(error) ? error["code"] : undefined;
  if (typeof code === "string" && NETWORK.has(code)) return true;
  // The connection broke inside an answer; the SDK's parser then has half a document.
  return isRecord(error) && "$response" in error && status === undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
