import assert from "node:assert/strict";
import { skip } from "./skip.ts";
import type { Registry } from "./registry.ts";

/** A server-sent event: its id in the stream, and its data as JSON. */
type StreamEvent = { readonly id: string; readonly event: unknown };
export type EventStream = { next(): Promise<StreamEvent>; close(): void };

/** How long an event may take, in milliseconds. */
const EVENT_MS = 30_000;

/**
 * Subscribes to `GET /-/events`, and unsubscribes when `use` is done.
 *
 * @example await withEvents(registry, "?package=wire", async (events) => { await events.next(); })
 */
export async function withEvents(
  registry: Registry,
  query: string,
  use: (events: EventStream) => Promise<void>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const events = await openEvents(registry, query, headers);
  try {
    await use(events);
  } finally {
    events.close();
  }
}

/**
 * Subscribes to `GET /-/events`, or skips where the registry has no such route. Resolves once the subscription is open.
 *
 * @param query begins with `?`.
 */
async function openEvents(
  registry: Registry,
  query: string,
  headers: Readonly<Record<string, string>>,
): Promise<EventStream> {
  const closing = new AbortController();
  const response = await fetch(`${registry.url}/-/events${query}`, {
    headers: { authorization: `Bearer ${registry.target.token}`, ...headers },
    signal: closing.signal,
  });
  if (response.status === 404) {
    await response.body?.cancel();
    skip("this registry has no GET /-/events; its events go to subscribers on another way");
  }
  assert.equal(response.status, 200, "the status of GET /-/events");
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const blocks = blocksOf(response);
  return {
    async next() {
      const timeout = setTimeout(() => closing.abort(new Error(`no event came within ${EVENT_MS} ms`)), EVENT_MS);
      try {
        for (;;) {
          const { value, done } = await blocks.next();
          assert.ok(!done, "the event stream ended");
          const event = eventOf(value);
          if (event) return event;
        }
      } finally {
        clearTimeout(timeout);
      }
    },
    close: () => closing.abort(),
  };
}

/** Events are separated by an empty line. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html */
async function* blocksOf(response: Response): AsyncGenerator<string, undefined> {
  assert.ok(response.body, "the event stream has no body");
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    yield* blocks;
  }
  return undefined;
}

function eventOf(block: string): StreamEvent | undefined {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1];
  const data = field("data");
  return data === undefined ? undefined : { id: field("id") ?? "", event: JSON.parse(data) as unknown };
}
