import { systemClock } from "@codebox/system";
import { inject } from "vitest";
import { startLocalRegistry, type LocalRegistry, type LocalSettings } from "../../../scripts/aws-local/registry.ts";
import { MOTO_CREDENTIALS, MOTO_REGION } from "../../../scripts/moto.ts";
import { drain, unique } from "./cloud.ts";

export type Shape = LocalRegistry &
  AsyncDisposable & {
    /** What the functions reported: failures they recovered from by redelivery, too. */
    readonly failures: unknown[];
    /** A request with the token. */
    fetch(path: string, init?: RequestInit): Promise<Response>;
    /** Every event that a subscriber got until now; each call returns all of them. */
    events(): Promise<SeenEvent[]>;
  };
type SeenEvent = {
  readonly id: string;
  readonly name: string;
  readonly sequence: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** The AWS shape over the run's emulator, with a cloud of its own. */
export async function startShape(
  settings: Partial<Omit<LocalSettings, "client" | "prefix" | "port">> = {},
): Promise<Shape> {
  const failures: unknown[] = [];
  const registry = await startLocalRegistry({
    client: { endpoint: inject("moto"), region: MOTO_REGION, credentials: MOTO_CREDENTIALS },
    prefix: unique("cloud"),
    port: 0,
    log: {
      consume: {
        applied: () => undefined,
        failed: (_, error) => failures.push(error),
        dead: (id, group, reason) => failures.push(new Error(`${id} of ${group} is dead: ${reason}`)),
        postponed: () => undefined,
      },
      onFailure: (error) => failures.push(error),
    },
    ...settings,
  });
  const seen: SeenEvent[] = [];
  return {
    ...registry,
    failures,
    fetch: (path, init = {}) =>
      fetch(`${registry.url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${registry.token}`, ...(init.headers as Record<string, string>) },
      }),
    async events() {
      const bodies = await drain(registry.clients.sqs, registry.cloud.subscriberUrl);
      seen.push(...bodies.map((body) => JSON.parse(body) as SeenEvent));
      return seen;
    },
    [Symbol.asyncDispose]: () => registry.stop(),
  };
}

/** Waits until something holds; the test's own time-out ends a wait for what never comes. */
export async function until(what: string, holds: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not come about in ${withinMs} ms`);
    await systemClock.sleep(100);
  }
}
