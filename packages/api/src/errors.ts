import {
  IdentityUnavailable,
  NoSuchGroup,
  IssuerUnavailable,
  QueueUnavailable,
  RightsInvalid,
  StoreUnavailable,
  UpstreamMalformed,
  UpstreamRefused,
  UpstreamUnavailable,
  type RejectionCode,
  type StoreProblem,
} from "@codebox/core";
import type { Context } from "hono";
import { escaped } from "./loggable.ts";

/** Every way a request can fail: a change's rejection, or one of the HTTP surface's own. Closed; `STATUS` is the one place that knows their statuses. */
export type ErrorCode =
  | RejectionCode
  | "unauthenticated"
  | "method_not_allowed"
  | "not_acceptable"
  | "too_slow"
  | "misdirected"
  | "too_many"
  | "unavailable"
  | "storage_full"
  | "upstream"
  | "internal";

/**
 * npm prints the body's `error` for 4xx, and sends a request again, twice, after 429 and 5xx: a business error is never a 5xx.
 * Source: npm-registry-fetch lib/check-response.js, make-fetch-happen lib/remote.js.
 */
const STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  too_slow: 408,
  version_exists: 409,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  misdirected: 421,
  tarball_missing: 422,
  too_many: 429,
  internal: 500,
  upstream: 502,
  unavailable: 503,
  storage_full: 507,
} as const satisfies Record<ErrorCode, number>;

/** The HTTP status of a failure. */
export function statusOf(code: ErrorCode): (typeof STATUS)[ErrorCode] {
  return STATUS[code];
}

/** A failure with a message for the person at the keyboard: what is wrong, and how to fix it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of the body beside `error` and `code`, for programs. */
  readonly more: Readonly<Record<string, unknown>>;
  constructor(
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    more: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.code = code;
    this.headers = headers;
    this.more = more;
  }
}

/**
 * The answer to a failure: `{"ok":false,"error":"…","code":"…"}`.
 *
 * `error` is what npm prints, `message` what pnpm and the newer endpoints read; `ok` is the predecessor's.
 */
export function errorResponse(c: Context, error: unknown): Response {
  const known = asApiError(error);
  for (const [name, value] of Object.entries(known.headers)) c.header(name, value);
  return c.json(errorBody(known), STATUS[known.code]);
}

/** The same where no app is at hand: for requests that never reach it. */
export function bareErrorResponse(error: ApiError): Response {
  return Response.json(errorBody(error), { status: STATUS[error.code], headers: error.headers });
}

function errorBody({ message, code, more }: ApiError): Record<string, unknown> {
  const shown = escaped(message);
  return { ...more, ok: false, error: shown, message: shown, code };
}

/** Whether the answer is a 5xx: clients send the request again. */
export function isOurFault({ code }: ApiError): boolean {
  return STATUS[code] >= 500;
}

/** How long a client waits before it retries when somebody must act on the disk first, in seconds. */
const DISK_RETRY_SECONDS = "30";

/** What the client reads about the disk of the registry. The log has the details. */
function storeProblem(problem: StoreProblem): ApiError {
  const cannotWrite = (reason: string) =>
    new ApiError("unavailable", `the registry can't store anything: ${reason}`, { "retry-after": DISK_RETRY_SECONDS });
  switch (problem) {
    case "full":
      return new ApiError(
        "storage_full",
        "the registry can't store anything: its disk is full. Reading still works. Retry after its operator has freed space",
      );
    case "refused":
      return cannotWrite("its disk refuses writes. Reading still works. Retry after its operator has corrected this");
    case "stopped":
      return cannotWrite(
        "its disk failed. Reading still works. Retry after its operator has checked the disk and restarted the registry",
      );
    case "damaged":
      return new ApiError(
        "internal",
        "the registry can't read what this request needs: a part of its storage is damaged. Its log says more",
      );
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof IssuerUnavailable)
    return new ApiError("unavailable", `${error.message}; the job's token can't be checked: try again in a moment`, {
      "retry-after": "2",
    });
  if (error instanceof StoreUnavailable && error.problem !== undefined) return storeProblem(error.problem);
  if (error instanceof IdentityUnavailable) return new ApiError("unavailable", error.message, { "retry-after": "2" });
  if (error instanceof StoreUnavailable || error instanceof QueueUnavailable)
    return new ApiError("unavailable", "the registry can't reach its storage right now; try again in a moment", {
      "retry-after": "2",
    });
  if (error instanceof NoSuchGroup) return new ApiError("not_found", error.message);
  if (error instanceof RightsInvalid) return new ApiError("invalid", error.message);
  if (error instanceof UpstreamRefused)
    return new ApiError("forbidden", `the upstream registry refuses this package (${error.message})`);
  if (error instanceof UpstreamMalformed)
    return new ApiError("upstream", `the upstream registry does not answer as a registry does (${error.message})`);
  if (error instanceof UpstreamUnavailable)
    return new ApiError("upstream", `the upstream registry does not answer (${error.message}); try again in a moment`);
  return new ApiError("internal", "the registry failed to handle this request; its log says more");
}
