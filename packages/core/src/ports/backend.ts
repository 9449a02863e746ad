import type { CopyStore } from "./copy-store.ts";
import type { PackumentReader } from "../read/reader.ts";
import type { Clock } from "./clock.ts";
import type { ChangeQueue, ChangeReceiver, DeadLetters, LocalReceiver } from "./change-queue.ts";
import type { EventLog, EventReader } from "./event-log.ts";
import type { IdentityProvider } from "./identity.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Outcomes } from "./outcomes.ts";
import type { LocalSearchIndex } from "./search-index.ts";
import type { TokenStore } from "./tokens.ts";

/**
 * All ports that a deployment is assembled from. An adapter is one folder that returns this; both hosts, `packages/server` and
 * `packages/functions`, are assembled from it.
 *
 * Error semantics: those of each port. `close` is called once; calls after it may throw anything.
 *
 * What is optional depends on the deployment, not on how complete the adapter is: its contract applies wherever it is present.
 * docs/adapters.md says how to write one; `backendContract` in packages/testing checks one.
 *
 * @example const backend: Backend = await openSqlite({ directory: ":memory:", clock, onFailure });
 */
export type Backend = {
  readonly store: ObjectStore;
  /** Reads packuments of `store`. One for all users of the backend, since it caches parsed documents. */
  readonly reader: PackumentReader;
  readonly queue: ChangeQueue;
  /** The receiving end of `queue`. Absent: the platform receives and calls the consumer, as an event source mapping does. */
  readonly receiver?: ChangeReceiver;
  readonly deadLetters: DeadLetters;
  readonly events: EventLog;
  /** Reads past events. Absent: subscribers get events from the platform, for example from a topic. */
  readonly eventReader?: EventReader;
  readonly outcomes: Outcomes;
  readonly tokens: TokenStore;
  readonly identities: IdentityProvider;
  /**
   * Whether changes can be stored now, for the health check: reading may work while writing does not.
   * Absent: a store that can be read can be written.
   * @throws StoreUnavailable while they cannot.
   */
  readonly checkWritable?: () => Promise<void>;
  /** Resolves when everything accepted is durable and all resources are released. Nothing may be called afterwards. */
  close(): Promise<void>;
};

/** What a host needs that receives the changes and serves the events itself, as `npm start` does. */
export type LocalBackend = Backend & {
  readonly receiver: LocalReceiver;
  readonly eventReader: EventReader;
  /** Where copies of the upstream are kept: apart from the store, whose durability they do not need. */
  readonly copies: CopyStore;
  /** Disposable, as the copies: it is built again from the documents. */
  readonly searchIndex: LocalSearchIndex;
};

/** What a host gives an adapter when it opens it. */
export type OpenBackend = (options: {
  readonly clock: Clock;
  /** Whether the first login under a name registers a user, where the adapter keeps users. */
  readonly registration: "open" | "closed";
  /** User names that nobody can register. */
  readonly reserved: readonly string[];
  /** Bytes that the copies of the upstream may take, where the adapter bounds them. */
  readonly copyBytesMax: number;
  /** Called with failures that no caller waits for: events or files that could not be written. */
  readonly onFailure: (error: unknown) => void;
}) => Promise<LocalBackend>;
