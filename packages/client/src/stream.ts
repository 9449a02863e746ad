import type { Consumer } from "./consumer.ts";
import { ClientError } from "./errors.ts";
import type { Positions } from "./positions.ts";
import { backOff } from "./producer.ts";
import { refusalOf, request, type Registry } from "./registry.ts";

/** Most characters of one event, its lines included. The registry cuts the data of an event at 24 KB. */
const EVENT_MAX = 1024 * 1024;

/** How long a stream may be silent, in milliseconds. The registry sends something every 30 s. */
const SILENCE_MS = 90_000;

export type FollowOptions = Registry & {
  readonly consumer: Consumer;
  /** The positions of the consumer: they have the place in the stream. */
  readonly positions: Pick<Positions, "cursor">;
  /** Only the events of this package. */
  readonly package?: string;
  /** Where a subscriber begins that has no position yet. Default: `now`. */
  readonly from?: "now" | "beginning";
  readonly signal: AbortSignal;
  /** Waits before it connects again; gets its number, 1, 2, 3 … */
  readonly pause?: (attempt: number) => Promise<void>;
  /** Called when the connection ended or failed, before the next one is made. */
  readonly onDisconnect?: (error: unknown) => void;
};

/**
 * Follows the events of a registry on one machine (`GET /-/events`), until `signal` aborts. It connects again by itself, and continues
 * after the last event that was handled.
 *
 * @example
 * const positions = await filePositions("events.json");
 * await followEvents({ registry, token, consumer: createConsumer({ positions, handle }), positions, signal });
 * The stream has the events in order. Where one is missing, nobody can wait for it, so the consumer's `onGap` is called at once.
 * @throws what `handle` throws; ClientError `refused` when the registry refuses the caller, `invalid` for what is no event
 */
export async function followEvents(options: FollowOptions): Promise<void> {
  const { consumer, positions, from = "now", signal, pause = backOff, onDisconnect } = options;
  for (let failures = 0; !signal.aborted;) {
    try {
      const cursor = (await positions.cursor()) ?? (from === "beginning" ? "0" : undefined);
      for await (const { id, data } of connect(options, cursor)) {
        await consumer.take(parsed(data), { isLast: true, ...(id === undefined ? {} : { cursor: id }) });
        failures = 0;
      }
      if (!signal.aborted) onDisconnect?.(new ClientError("unavailable", "the registry ended the stream"));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ClientError) || error.code !== "unavailable") throw error;
      onDisconnect?.(error);
    }
    if (signal.aborted) return;
    failures++;
    await pause(failures);
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new ClientError("invalid", "the data of an event is not JSON", { cause: error });
  }
}

type ServerSentEvent = { readonly id: string | undefined; readonly data: string };

async function* connect(
  { package: name, signal, ...registry }: FollowOptions,
  cursor: string | undefined,
): AsyncGenerator<ServerSentEvent> {
  const path = name === undefined ? "/-/events" : `/-/events?package=${encodeURIComponent(name)}`;
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const headers = { accept: "text/event-stream", ...(cursor === undefined ? {} : { "last-event-id": cursor }) };
  try {
    const response = await open(registry, path, { headers, signal: stop });
    yield* messagesOf(lively(response, () => ended.abort()));
  } catch (error) {
    if (signal.aborted || error instanceof ClientError) throw error;
    throw new ClientError("unavailable", `the stream broke off: ${String(error)}`, { cause: error });
  } finally {
    ended.abort();
  }
}

async function open(registry: Registry, path: string, init: Parameters<typeof request>[2]) {
  const response = await request(registry, path, init);
  if (response.ok && response.body) return response.body;
  throw new ClientError("refused", (await refusalOf(response)).error);
}

/** The pieces of a body; `onSilence` when none came for too long. */
async function* lively(body: ReadableStream<Uint8Array>, onSilence: () => void): AsyncGenerator<Uint8Array> {
  let timer = setTimeout(onSilence, SILENCE_MS);
  try {
    for await (const piece of body) {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE_MS);
      yield piece;
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The messages of a stream of server-sent events.
 *
 * Source: HTML, 9.2.6, "Interpreting an event stream".
 * @throws ClientError `invalid` for one that is over `EVENT_MAX`
 */
export async function* messagesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let fields: [name: string, value: string][] = [];
  let size = 0;
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      size += line.length;
      if (line === "") {
        const data = fields.filter(([name]) => name === "data").map(([, value]) => value);
        if (data.length > 0) yield { id: fields.findLast(([name]) => name === "id")?.[1], data: data.join("\n") };
        fields = [];
        size = 0;
      } else if (!line.startsWith(":")) {
        const [, name = "", value = ""] = /^([^:]*)(?::\x20?(.*))?$/s.exec(line) ?? [];
        fields.push([name, value]);
      }
    }
    if (size + rest.length > EVENT_MAX) throw new ClientError("invalid", `an event has over ${EVENT_MAX} characters`);
  }
}
