import { setTimeout as sleep } from "node:timers/promises";
import { entryOf, type Entry, type NewChange } from "./change.ts";
import { ClientError, SendError, type ErrorCode } from "./errors.ts";
import type { Outcome } from "./messages.ts";

/** How changes reach the registry: `snsTransport`, `sqsTransport`, `httpTransport`, or one of your own. */
export type Transport = {
  /** Most messages in one call, and their bytes. */
  readonly limits: { readonly entries: number; readonly bytes: number };
  /** Sends changes of different packages in one call. One result for each, in their order. Throws when the call itself failed. */
  send(entries: readonly Entry[]): Promise<readonly Taken[]>;
};
/** Whether a change was taken. An outcome, where the way of sending answers one. */
export type Taken =
  | { readonly ok: true; readonly id?: string; readonly outcome?: Outcome }
  | { readonly ok: false; readonly code: ErrorCode; readonly reason: string };

export type ProducerOptions = {
  readonly transport: Transport;
  /** How often a call is made before it fails. Only what is `unavailable` is tried again. Default: 5. */
  readonly tries?: number;
  /** Waits before the next try; gets its number, 1, 2, 3 … Default: 200 ms, doubled each time, with a random part. */
  readonly pause?: (attempt: number) => Promise<void>;
  readonly now?: () => Date;
};

/** A change that was taken. `outcome`: only where the way of sending waits for it, as HTTP does. */
export type Sent = { readonly id: string; readonly name: string; readonly outcome?: Outcome };

export type Producer = {
  /** Sends one change. Returns when it is taken: it will be applied or refused, and is not lost. */
  send(change: NewChange): Promise<Sent>;
  /**
   * Sends many changes in their order, in batches as large as the transport takes. Reads `changes` as it sends, so they may be
   * more than memory holds. When it throws, nothing after the change of the error was sent.
   *
   * A batch has one change of a package at most, because a batch may be taken in part: no change overtakes an earlier one of its package.
   */
  sendAll(changes: Iterable<NewChange> | AsyncIterable<NewChange>): AsyncGenerator<Sent, void, undefined>;
};

/**
 * Sends changes to a registry.
 *
 * @example
 * const producer = createProducer({ transport: snsTransport({ client: new SNSClient({}), topicArn }) });
 * await producer.send({ id: "release-7-next", name: "@acme/wire", type: "tag.put", tag: "next", version: "1.1.0" });
 * for await (const { id } of producer.sendAll(moves)) console.log(id);
 * @throws SendError for the first change that was not taken; ClientError `invalid`, `too_large` before it is sent
 */
export function createProducer({
  transport,
  tries = 5,
  pause = backOff,
  now = () => new Date(),
}: ProducerOptions): Producer {
  async function* sendAll(changes: Iterable<NewChange> | AsyncIterable<NewChange>) {
    for await (const batch of batches(changes, transport.limits, now)) yield* await taken(batch);
  }
  const taken = async (batch: readonly Entry[]): Promise<readonly Sent[]> => {
    const sent = new Map<Entry, Sent>();
    for (let attempt = 1; ; attempt++) {
      const waiting = batch.filter((entry) => !sent.has(entry));
      const results = await answered(transport, waiting);
      let failed: { entry: Entry; code: ErrorCode; reason: string; cause?: unknown } | undefined;
      for (const [index, entry] of waiting.entries()) {
        const result = results[index] ?? {
          ok: false,
          code: "unavailable",
          reason: "the transport did not answer for it",
        };
        if (result.ok) sent.set(entry, sentOf(entry, result));
        else if (failed === undefined || result.code !== "unavailable") failed = { entry, ...result };
      }
      if (!failed) return batch.flatMap((entry) => sent.get(entry) ?? []);
      const { entry, code, reason, cause } = failed;
      if (code !== "unavailable" || attempt >= tries) throw new SendError(code, entry.change, reason, { cause });
      await pause(attempt);
    }
  };
  return {
    sendAll,
    async send(change) {
      const [sent] = await taken([checked(entryOf(change, now()), transport.limits)]);
      if (!sent) throw new SendError("unavailable", change, "the transport did not answer");
      return sent;
    },
  };
}

type Result = Taken & { readonly cause?: unknown };

/** What a transport answers; a call that failed as a failure of each of its changes. */
async function answered(transport: Transport, entries: readonly Entry[]): Promise<readonly Result[]> {
  try {
    return await transport.send(entries);
  } catch (error) {
    const code = error instanceof ClientError ? error.code : "unavailable";
    const reason = error instanceof Error ? error.message : String(error);
    return entries.map(() => ({ ok: false, code, reason, cause: error }));
  }
}

function sentOf({ change }: Entry, { id = change.id, outcome }: Extract<Taken, { ok: true }>): Sent {
  return { id, name: change.name, ...(outcome ? { outcome } : {}) };
}

/** In their order: as many as fit a call, no two of one package. */
async function* batches(
  changes: Iterable<NewChange> | AsyncIterable<NewChange>,
  limits: Transport["limits"],
  now: () => Date,
): AsyncGenerator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for await (const change of changes) {
    const entry = checked(entryOf(change, now()), limits);
    const isFull = batch.length >= limits.entries || bytes + entry.bytes > limits.bytes;
    if (isFull || batch.some(({ group }) => group === entry.group)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.bytes;
  }
  if (batch.length > 0) yield batch;
}

function checked(entry: Entry, limits: Transport["limits"]): Entry {
  if (entry.bytes <= limits.bytes) return entry;
  throw new ClientError(
    "too_large",
    `the change ${entry.change.id} has ${entry.bytes} bytes, of at most ${limits.bytes}`,
  );
}

/** 200 ms, 400 ms … at most 10 s, each with a random part, so that many senders do not return together. */
export async function backOff(attempt: number): Promise<void> {
  const most = Math.min(10_000, 200 * 2 ** (attempt - 1));
  await sleep(most / 2 + (Math.random() * most) / 2);
}
