/** An event as the registry announces it. Source: PROTOCOL.md, Events. */
export type ChangeEvent = {
  readonly id: string;
  readonly name: string;
  readonly sequence: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** What a subscriber must remember to continue later: the stream's last id, and the last sequence of each package. */
export type Position = { lastEventId?: string; readonly sequences: Record<string, number> };

export type SubscribeOptions = {
  readonly registry: string;
  readonly token?: string;
  readonly position: Position;
  readonly onEvent: (event: ChangeEvent) => void | Promise<void>;
  /** Called when events of a package are missing before this one. */
  readonly onGap: (name: string, from: number, to: number) => void;
  readonly signal: AbortSignal;
};

/**
 * Reads the events of a registry until `signal` aborts or the stream ends. Call it again to resume.
 *
 * @example await subscribe({ registry: "http://127.0.0.1:4870", position: { sequences: {} }, onEvent, onGap, signal })
 */
export async function subscribe(options: SubscribeOptions): Promise<void> {
  const { registry, token, position, signal } = options;
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  if (position.lastEventId !== undefined) headers["last-event-id"] = position.lastEventId;
  // Without an id the stream begins with the next event; `after=0` begins with the first one.
  const path = position.lastEventId === undefined ? "/-/events?after=0" : "/-/events";
  const response = await fetch(new URL(path, registry), { headers, signal });
  if (!response.ok || !response.body) throw new Error(`the registry answered ${response.status}`);
  for await (const { id, data } of serverSentEvents(response.body)) {
    await handle(JSON.parse(data) as ChangeEvent, options);
    if (id !== undefined) position.lastEventId = id;
  }
}

async function handle(event: ChangeEvent, { position, onEvent, onGap }: SubscribeOptions): Promise<void> {
  const last = position.sequences[event.name] ?? 0;
  if (event.sequence <= last) return;
  if (last > 0 && event.sequence > last + 1) onGap(event.name, last + 1, event.sequence - 1);
  await onEvent(event);
  position.sequences[event.name] = event.sequence;
}

/** The messages of a stream of server-sent events. Source: HTML, 9.2.6, "Interpreting an event stream". */
async function* serverSentEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly id: string | undefined; readonly data: string }> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = (name: string) =>
        block
          .split(/\r?\n/)
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).replace(/^ /, ""));
      const data = fields("data");
      if (data.length > 0) yield { id: fields("id").at(-1), data: data.join("\n") };
    }
  }
}
