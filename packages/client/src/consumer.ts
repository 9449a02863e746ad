import { ClientError } from "./errors.ts";
import type { ChangeEvent } from "./messages.ts";
import type { Positions } from "./positions.ts";

/** Events of a package that did not come before a later one. */
export type Gap = { readonly name: string; readonly from: number; readonly to: number };

export type ConsumerOptions = {
  readonly positions: Positions;
  /**
   * Does something with an event. Called for one event of a package at a time, in the order of their sequences. When it throws, the
   * event comes again. Ignore types that you do not know.
   */
  readonly handle: (event: ChangeEvent) => void | Promise<void>;
  /** Called when events are missing and are not waited for any longer: read the package, which has what they changed. */
  readonly onGap?: (gap: Gap) => void | Promise<void>;
  /**
   * Where a package begins of which nothing was handled yet. `now`: with the first event that comes. `beginning`: with sequence 1, so
   * that a later one waits for it. Default: `now`.
   */
  readonly from?: "now" | "beginning";
};

/**
 * - `handled`: the event was handled now.
 * - `repeated`: it was handled before. An event is delivered at least once.
 * - `early`: earlier ones of its package are missing. It was not handled; deliver it again later.
 */
export type Verdict = "handled" | "repeated" | "early";

export type Consumer = {
  /**
   * Takes one event, in any order.
   * @param options.isLast true: do not wait for missing events any longer. `cursor`: the event's place in a stream.
   */
  take(event: unknown, options?: { readonly isLast?: boolean; readonly cursor?: string }): Promise<Verdict>;
};

/**
 * Handles each event once and each package's in order, whatever the order in which they come.
 *
 * @example createConsumer({ positions: memoryPositions(), handle: (event) => console.log(event.name, event.data) })
 * It holds no events: one that is early is left with what delivers it, such as a queue.
 */
export function createConsumer({ positions, handle, onGap, from = "now" }: ConsumerOptions): Consumer {
  /** The last event of each package that is being handled: the next one waits for it. */
  const busy = new Map<string, Promise<unknown>>();
  const take = async (event: ChangeEvent, isLast: boolean, cursor?: string): Promise<Verdict> => {
    const { name, sequence } = event;
    const last = (await positions.sequence(name)) ?? (from === "now" ? sequence - 1 : 0);
    if (sequence <= last) return "repeated";
    if (sequence > last + 1) {
      if (!isLast) return "early";
      await onGap?.({ name, from: last + 1, to: sequence - 1 });
    }
    await handle(event);
    await positions.save({ name, sequence, ...(cursor === undefined ? {} : { cursor }) });
    return "handled";
  };
  return {
    async take(value, { isLast = false, cursor } = {}) {
      const event = parseEvent(value);
      const before = busy.get(event.name) ?? Promise.resolve();
      const taken = before.then(() => take(event, isLast, cursor));
      const settled = taken.then(
        () => undefined,
        () => undefined,
      );
      busy.set(event.name, settled);
      return taken.finally(() => {
        if (busy.get(event.name) === settled) busy.delete(event.name);
      });
    },
  };
}

/**
 * Checks that a value is an event. Fields and types that it does not know are left as they are.
 *
 * @throws ClientError `invalid`
 */
export function parseEvent(value: unknown): ChangeEvent {
  const event = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const isText = (field: string) => typeof event[field] === "string";
  const isNumber = (field: string) => Number.isSafeInteger(event[field]) && (event[field] as number) > 0;
  const isObject = (field: string) => typeof event[field] === "object" && event[field] !== null;
  const wrong = [
    ...["id", "name", "type", "at"].filter((field) => !isText(field)),
    ...["sequence", "revision"].filter((field) => !isNumber(field)),
    ...["actor", "data"].filter((field) => !isObject(field)),
  ];
  if (event["schema"] !== 1 || wrong.length > 0)
    throw new ClientError(
      "invalid",
      `this is no event of schema 1${wrong.length > 0 ? `: see ${wrong.join(", ")}` : ""}`,
    );
  return event as unknown as ChangeEvent;
}
