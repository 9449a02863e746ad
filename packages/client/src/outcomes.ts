import { ClientError } from "./errors.ts";
import type { Outcome } from "./messages.ts";
import { backOff } from "./producer.ts";
import { refusalOf, request, type Registry } from "./registry.ts";

export type WaitOptions = Registry & {
  /** How long to wait, in milliseconds. Default: one minute. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Waits before the next question; gets its number, 1, 2, 3 … */
  readonly pause?: (attempt: number) => Promise<void>;
};

/** An outcome that does not change any more by itself. */
export type Settled = Exclude<Outcome, { state: "pending" }>;

/**
 * Waits until a change is applied or refused, by asking `GET /-/changes/:id`. Works for every way of sending.
 *
 * @example
 * const outcome = await waitForOutcome({ id: "release-7-next", name: "@acme/wire" }, { registry, token });
 * if (outcome.state === "rejected") console.error(outcome.error);
 * The caller of the registry must be able to read the package. A change that is not known yet counts as pending: a message travels
 * for a moment. One that the registry could not even read is never known; it is a dead letter there.
 * @throws ClientError `timeout` (it may still be applied), `refused` (the registry does not let the caller ask)
 */
export async function waitForOutcome(
  { id, name }: { readonly id: string; readonly name: string },
  { timeoutMs = 60_000, signal, pause = backOff, ...registry }: WaitOptions,
): Promise<Settled> {
  const end = Date.now() + timeoutMs;
  for (let attempt = 1; ; attempt++) {
    const outcome = await ask(registry, id, name, signal).catch((error: unknown) => {
      if (error instanceof ClientError && error.code === "unavailable") return undefined;
      throw error;
    });
    if (outcome && outcome.state !== "pending") return outcome;
    if (Date.now() >= end)
      throw new ClientError(
        "timeout",
        `the outcome of ${id} of ${name} was not known in ${timeoutMs} ms; it may still be applied`,
      );
    await pause(attempt);
  }
}

async function ask(registry: Registry, id: string, name: string, signal?: AbortSignal): Promise<Outcome | undefined> {
  const path = `/-/changes/${encodeURIComponent(id)}?package=${encodeURIComponent(name)}`;
  const response = await request(registry, path, signal ? { signal } : {});
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.ok) return (await response.json()) as Outcome;
  throw new ClientError("refused", (await refusalOf(response)).error);
}
