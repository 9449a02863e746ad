import type { Entry } from "./change.ts";
import { ClientError } from "./errors.ts";
import type { Taken } from "./producer.ts";

/** What SQS and SNS answer to a batch. */
type BatchAnswer = { readonly Failed?: readonly Failure[] | undefined };
type Failure = {
  readonly Id?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
  readonly SenderFault?: boolean | undefined;
};

/** Calls AWS for a batch, and says which of its entries were taken. An entry's `Id` is its index. */
export async function resultsOf(
  entries: readonly Entry[],
  call: () => Promise<BatchAnswer>,
): Promise<readonly Taken[]> {
  const { Failed = [] } = await call().catch((error: unknown) => {
    throw asClientError(error);
  });
  const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
  return entries.map((_, index): Taken => {
    const failure = failures.get(String(index));
    if (!failure) return { ok: true };
    const reason = [failure.Code, failure.Message].filter(Boolean).join(": ") || "unknown";
    return { ok: false, code: failure.SenderFault === true ? "refused" : "unavailable", reason };
  });
}

/** A 4xx of AWS other than throttling is final; the SDK has retried the others already. */
export function asClientError(error: unknown): ClientError {
  const {
    $metadata,
    name,
    message = String(error),
  } = error as {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly name?: string;
    readonly message?: string;
  };
  const status = $metadata?.httpStatusCode ?? 0;
  const isFinal = status >= 400 && status < 500 && status !== 429 && !/throttl|timeout/i.test(name ?? "");
  return new ClientError(isFinal ? "refused" : "unavailable", `AWS: ${message}`, { cause: error });
}
