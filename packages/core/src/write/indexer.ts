import { setImmediate } from "node:timers/promises";
import type { Clock } from "../ports/clock.ts";
import type { EventReader, LoggedEvent } from "../ports/event-log.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { IndexedPackage, LocalSearchIndex, SearchReader } from "../ports/search-index.ts";
import { attempted, indexedFrom, walkPackages } from "../read/indexed.ts";
import type { PackumentReader } from "../read/reader.ts";

export type IndexerPorts = {
  readonly index: LocalSearchIndex;
  readonly events: EventReader;
  readonly store: Pick<ObjectStore, "get" | "list">;
  readonly reader: Pick<PackumentReader, "read">;
  readonly clock: Pick<Clock, "sleep">;
  /** Called when the index could not be kept up to date, which is tried again, and for documents that can't be read. */
  readonly onFailure: (error: unknown) => void;
};

/** How far a build of the whole index is. */
export type RebuildStatus = {
  readonly running: boolean;
  /** Packages that were read by the build that runs, or by the last one of this process. */
  readonly packages: number;
  /** Whether every package was indexed once. */
  readonly complete: boolean;
};

export type Indexer = {
  /** Keeps the index up to date until `signal` aborts; builds it first when it is new or not of these events. */
  run(signal: AbortSignal): Promise<void>;
  /** The index, up to date with every change that was answered before the question, if that takes no longer than `FRESH_MS`. */
  readonly fresh: SearchReader;
  /** Begins to build the whole index again, unless that is being done. */
  rebuild(): void;
  status(): Promise<RebuildStatus>;
};

/** Events that are handled at a time. */
const PAGE = 200;
/** Changes within so many milliseconds are indexed together: a package that changes often is read once. */
const GATHER_MS = 200;
/** After a failure the index is tried again after so many milliseconds. */
const RETRY_MS = 5_000;
/** How long a question waits for the index, in milliseconds; then it gets what there is. */
const FRESH_MS = 1_000;

/**
 * Keeps an index up to date from the events of this process.
 *
 * The index remembers the event up to which it is made, so what a crash interrupts is continued. An event says only which package
 * to read: one that comes twice changes nothing.
 *
 * @example const indexer = createIndexer({ index, events, store, reader, clock, onFailure }); void indexer.run(signal);
 */
export function createIndexer(ports: IndexerPorts): Indexer {
  const { index, events, clock, onFailure } = ports;
  let stopping: AbortSignal | undefined;
  let building: Promise<void> | undefined;
  let packages = 0;
  let wake = () => {};
  const first = Promise.withResolvers<void>();
  const rebuild = () => {
    building ??= build(ports, (count) => (packages = count), stopping)
      .catch(async (error: unknown) => {
        if (stopping?.aborted) return;
        onFailure(error);
        await clock.sleep(RETRY_MS, stopping);
      })
      .finally(() => {
        building = undefined;
        first.resolve();
        wake();
      });
  };
  const pass = createPass(async () => {
    if (!building && !(await isOurs(ports))) {
      // What is announced from here on is indexed beside the build.
      await index.put([], await lastMark(events, await events.position()));
      rebuild();
    }
    await catchUp(ports, stopping);
    if (!building) first.resolve();
  });
  const freshened = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    const enough = new AbortController();
    const ready = first.promise.then(pass).catch(() => {});
    await Promise.race([ready, clock.sleep(FRESH_MS, enough.signal)]).finally(() => enough.abort());
    return ask();
  };
  return {
    async run(signal) {
      stopping = signal;
      const unsubscribe = events.subscribe(() => wake());
      signal.addEventListener("abort", () => wake(), { once: true });
      while (!signal.aborted) {
        const more = new Promise<void>((resolve) => (wake = resolve));
        try {
          await pass();
          if (!signal.aborted) await more;
          await clock.sleep(GATHER_MS, signal);
        } catch (error) {
          onFailure(error);
          await clock.sleep(RETRY_MS, signal);
        }
      }
      unsubscribe();
      await building;
    },
    fresh: {
      query: (query) => freshened(() => index.query(query)),
      list: (filter) => freshened(() => index.list(filter)),
    },
    rebuild,
    status: async () => ({ running: building !== undefined, packages, complete: (await index.progress()).complete }),
  };
}

type Ports = Omit<IndexerPorts, "clock">;

/** Handles what was announced and is not indexed. What is announced meanwhile is for the next time: a search may be waiting. */
async function catchUp(ports: Ports, stopping: AbortSignal | undefined): Promise<void> {
  const { index, events } = ports;
  let after = positionIn((await index.progress()).upTo);
  for (const end = await events.position(); !stopping?.aborted; await setImmediate()) {
    const page = await events.read(after, PAGE);
    const last = page.at(-1);
    if (!last) return;
    const changed: IndexedPackage[] = [];
    for (const name of new Set(page.map(({ event }) => event.name))) changed.push(await indexedNow(ports, name));
    await index.put(changed, markOf(last));
    after = last.position;
    if (after >= end) return;
  }
}

async function indexedNow({ reader, onFailure }: Ports, name: string): Promise<IndexedPackage> {
  return attempted(name, onFailure, async () => {
    const read = await reader.read(name);
    return read ? indexedFrom(name, read.packument) : { name };
  });
}

async function build(
  { index, store, onFailure }: Ports,
  onProgress: (count: number) => void,
  stopping: AbortSignal | undefined,
): Promise<void> {
  onProgress(0);
  await index.rebuild(steps(walkPackages({ store, onDamaged: onFailure }, onProgress), stopping));
}

/** Whether the index is complete, and made from these events: those of a restored backup are others. */
async function isOurs({ index, events }: Ports): Promise<boolean> {
  const { upTo, complete } = await index.progress();
  return complete && upTo === (await lastMark(events, positionIn(upTo)));
}

async function lastMark(events: EventReader, position: number): Promise<string> {
  const [last] = position > 0 ? await events.read(position - 1, 1) : [];
  return last ? markOf(last) : "";
}

/** Runs one after the other; who asks while one runs gets the next, which all of them share. */
function createPass(run: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    const promise = run().finally(() => {
      if (current === promise) current = undefined;
    });
    current = promise;
    return promise;
  };
  return () => {
    if (!current) return begin();
    next ??= current
      .catch(() => {})
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };
}

/** Leaves time for requests between two steps, and ends when the process does. */
async function* steps<Step>(walk: AsyncIterable<Step>, stopping: AbortSignal | undefined): AsyncGenerator<Step> {
  for await (const step of walk) {
    stopping?.throwIfAborted();
    yield step;
    await setImmediate();
  }
}

/** Where an event is, and which it is. @example markOf({ position: 7, event }) // "7 01J…" */
const markOf = ({ position, event }: LoggedEvent): string => `${position} ${event.id}`;
const positionIn = (upTo = ""): number => Number(upTo.split(" ", 1)[0]);
