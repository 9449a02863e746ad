import {
  copiesIn,
  createPackumentReader,
  createTokenStore,
  type Clock,
  type EventLog,
  type EventReader,
  type LocalBackend,
  type TokenStore,
} from "@codebox/core";
import { createMemoryChangeQueue, type MemoryChangeQueue } from "./change-queue.ts";
import { createMemoryEventLog } from "./event-log.ts";
import { createMemoryIdentities, type MemoryIdentitySettings } from "./identities.ts";
import { createMemoryObjectStore } from "./object-store.ts";
import { createMemoryOutcomes } from "./outcomes.ts";
import { createMemorySearchIndex } from "./search-index.ts";

/** A `Backend` with every optional part. `queue` is also the receiver and the dead letters. */
export type MemoryBackend = LocalBackend & {
  readonly queue: MemoryChangeQueue;
  readonly receiver: MemoryChangeQueue;
  readonly deadLetters: MemoryChangeQueue;
  readonly events: EventLog & EventReader;
  readonly eventReader: EventLog & EventReader;
};

/**
 * Every port in memory: for tests, and as the shortest example of an adapter. Outcomes and tokens are core's own, over the store.
 *
 * @example const backend = createMemoryBackend({ clock: manualClock() });
 * @param settings.registration whether `login` registers a new user. Default: `closed`.
 * @param settings.reserved names that nobody can register. Default: none.
 */
export function createMemoryBackend({
  clock,
  registration = "closed",
  reserved = [],
}: { readonly clock: Clock } & Partial<Omit<MemoryIdentitySettings, "holders">>): MemoryBackend {
  const store = createMemoryObjectStore(clock);
  const reader = createPackumentReader(store);
  const queue = createMemoryChangeQueue(clock);
  const events = createMemoryEventLog();
  const holders = new Set<string>();
  const tokens = rememberingHolders(createTokenStore(store), holders);
  return {
    store,
    copies: copiesIn(store),
    searchIndex: createMemorySearchIndex(),
    reader,
    queue,
    receiver: queue,
    deadLetters: queue,
    events,
    eventReader: events,
    outcomes: createMemoryOutcomes({ store, reader, clock }),
    tokens,
    identities: createMemoryIdentities(tokens, { registration, reserved, holders }),
    close: async () => undefined,
  };
}

/** The store, with the name of everybody who ever held a token in `holders`. */
function rememberingHolders(tokens: TokenStore, holders: Set<string>): TokenStore {
  return {
    ...tokens,
    put: (record) => {
      holders.add(record.user);
      return tokens.put(record);
    },
  };
}
