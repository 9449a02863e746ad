import type { Clock } from "@codebox/core";
import { CommandError } from "./errors.ts";

/** What the predecessor logged of a publish, and its Insights took. */
export type LogEvent = {
  readonly timestamp: string;
  readonly level: "info";
  readonly namespace: "info:package:put";
  readonly command: { readonly name: string; readonly args: readonly string[] };
  readonly body: Readonly<Record<string, unknown>>;
};

/** `undefined` when it was taken; what the endpoint said when it will never take it. @throws CommandError when it does not answer. */
export type SendEvent = (event: LogEvent, signal: AbortSignal) => Promise<string | undefined>;

export type InsightsSettings = {
  readonly url: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
};

/** Tries of one event, the first included, and the pauses between: 0.5, 1, 2, 4 … seconds, at most `PAUSE_MAX_MS`. */
const ATTEMPTS = 6;
const PAUSE_MS = 500;
const PAUSE_MAX_MS = 30_000;
/** For so long an answer is waited for, in milliseconds. */
const ANSWER_MS = 30_000;

/**
 * Sends log events to an endpoint, as JSON by POST, with HTTP Basic credentials where there are some.
 *
 * @example const send = createSendEvent(fetch, systemClock, { url: "https://insights.acme.example/logs" });
 * 429 and 5xx, and no answer, are tried again, after as long as `retry-after` says; any other 4xx is final.
 */
export function createSendEvent(fetch: typeof globalThis.fetch, clock: Clock, settings: InsightsSettings): SendEvent {
  const { url, clientId, clientSecret } = settings;
  const basic =
    clientId === undefined ? undefined : Buffer.from(`${clientId}:${clientSecret ?? ""}`).toString("base64");
  const headers = {
    "content-type": "application/json",
    ...(basic === undefined ? {} : { authorization: `Basic ${basic}` }),
  };
  return async (event, signal) => {
    let trouble = "";
    for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt++) {
      let pause = Math.min(PAUSE_MS * 2 ** (attempt - 1), PAUSE_MAX_MS);
      try {
        const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
        const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(event), signal: patience });
        const text = (await answer.text()).slice(0, 200);
        if (answer.ok) return undefined;
        if (answer.status !== 429 && answer.status < 500) return `${answer.status} ${text}`.trim();
        trouble = `${answer.status} ${text}`.trim();
        const wanted = Number(answer.headers.get("retry-after")) * 1_000;
        if (wanted > 0) pause = Math.min(wanted, PAUSE_MAX_MS);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        trouble = error.cause instanceof Error ? error.cause.message : error.message;
      }
      if (attempt < ATTEMPTS) await clock.sleep(pause, signal);
    }
    throw new CommandError(
      signal.aborted
        ? "interrupted; run the same command again to continue"
        : `${new URL(url).host} does not take events now (${trouble}); run the same command again later, it continues where it stopped`,
    );
  };
}
