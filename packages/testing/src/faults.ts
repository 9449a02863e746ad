import {
  QueueUnavailable,
  StoreUnavailable,
  type ChangeQueue,
  type ChangeReceiver,
  type EventLog,
  type ObjectStore,
  type Outcomes,
  type StoreResult,
} from "@codebox/core";

/** When operations fail. `rate` 0 never, 1 always; the same seed fails the same operations. */
export type Faults = { readonly seed: number; readonly rate: number };

/** mulberry32: a small generator with a 32-bit state. Good enough to choose faults, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Fails operations at random: before they happen, or **after** (the write landed, the reply was lost).
 *
 * @example const store = faultyStore(embedded.store, createFaults({ seed: 7, rate: 0.2 }));
 */
export function createFaults({ seed, rate }: Faults) {
  const random = seededRandom(seed);
  return {
    random,
    async around<T>(operation: () => Promise<T>, failure: (when: string) => Error): Promise<T> {
      const dice = random();
      if (dice < rate / 2) throw failure("before");
      const result = await operation();
      if (dice < rate) throw failure("after");
      return result;
    },
  };
}
export type FaultSource = ReturnType<typeof createFaults>;

/** The store with faults; a conditional write may also get S3's 409, a competing write. */
export function faultyStore(store: ObjectStore, faults: FaultSource): ObjectStore {
  const around = <T>(name: string, operation: () => Promise<T>) =>
    faults.around(operation, (when) => new StoreUnavailable(`injected ${when} ${name}`));
  const conditional = (name: string, write: () => Promise<StoreResult>): Promise<StoreResult> =>
    around(name, async () => (faults.random() < 0.05 ? { ok: false, reason: "contended" } : write()));
  return {
    get: (key, options) => around("get", () => store.get(key, options)),
    open: (key, range) => around("open", () => store.open(key, range)),
    head: (key) => around("head", () => store.head(key)),
    put: (key, body, options) =>
      options?.condition
        ? conditional("put", () => store.put(key, body, options))
        : around("put", () => store.put(key, body, options)),
    copy: (from, to, condition) => around("copy", () => store.copy(from, to, condition)),
    delete: (key, condition) => around("delete", () => store.delete(key, condition)),
    list: (prefix, cursor) => around("list", () => store.list(prefix, cursor)),
    signedUrl: (key, seconds) => store.signedUrl(key, seconds),
  };
}

export function faultyQueue(queue: ChangeQueue & ChangeReceiver, faults: FaultSource): ChangeQueue & ChangeReceiver {
  const around = <T>(name: string, operation: () => Promise<T>) =>
    faults.around(operation, (when) => new QueueUnavailable(`injected ${when} ${name}`));
  return {
    send: (change) => around("send", () => queue.send(change)),
    receive: (options) => queue.receive(options),
    acknowledge: (batch) => queue.acknowledge(batch),
    release: (batch) => queue.release(batch),
  };
}

export function faultyEvents(events: EventLog, faults: FaultSource): EventLog {
  return {
    publish: (list) =>
      faults.around(
        () => events.publish(list),
        (when) => new Error(`injected ${when} publish`),
      ),
  };
}

export function faultyOutcomes(outcomes: Outcomes, faults: FaultSource): Outcomes {
  const failure = (when: string) => new StoreUnavailable(`injected ${when} outcomes`);
  return {
    record: (list) => faults.around(() => outcomes.record(list), failure),
    wait: (change, timeoutMs) => outcomes.wait(change, timeoutMs),
    remember: (change) => faults.around(() => outcomes.remember(change), failure),
    find: (id, name) => faults.around(() => outcomes.find(id, name), failure),
  };
}

/** The store, and how often each operation was called on which key. */
export function countingStore(
  store: ObjectStore,
): ObjectStore & { readonly calls: { readonly operation: string; readonly key: string }[] } {
  const calls: { operation: string; key: string }[] = [];
  const count =
    <Arguments extends unknown[], Result>(operation: string, call: (key: string, ...rest: Arguments) => Result) =>
    (key: string, ...rest: Arguments): Result => {
      calls.push({ operation, key });
      return call(key, ...rest);
    };
  return {
    calls,
    get: count("get", store.get),
    open: count("open", store.open),
    head: count("head", store.head),
    put: count("put", store.put),
    copy: count("copy", store.copy),
    delete: count("delete", store.delete),
    list: count("list", store.list),
    signedUrl: count("signedUrl", store.signedUrl),
  };
}
