import { describe } from "vitest";
import {
  createAuditLog,
  type Backend,
  type Change,
  type ChangeEvent,
  type ChangeReceiver,
  type Clock,
  type LocalBackend,
} from "@codebox/core";
import { auditLogContract } from "./audit-log-contract.ts";
import { changeQueueContract, localReceiverContract } from "./change-queue-contract.ts";
import {
  identityContract,
  passwordIdentityContract,
  tokenListContract,
  tokenStoreContract,
} from "./identity-contract.ts";
import type { KnownGaps } from "./known-gaps.ts";
import { eventLogContract, outcomesContract } from "./log-contracts.ts";
import { manualClock } from "./manual-clock.ts";
import { objectStoreContract } from "./object-store-contract.ts";
import { localSearchIndexContract, searchIndexContract } from "./search-index-contract.ts";

export type BackendOptions = {
  /** Absent: the real time. */
  readonly clock?: Clock;
  /** Whether the first login under a name registers a user. */
  readonly registration: "open" | "closed";
};
export type BackendFixture = AsyncDisposable & {
  /** Where the platform receives instead, the test brings a receiver. */
  readonly backend: (Backend & { readonly receiver: ChangeReceiver }) | LocalBackend;
  /** Adds a dead letter as the adapter stores one. */
  readonly bury: (change: Change, reason: string) => Promise<void>;
  /** The events that a subscriber got so far. Default: what the backend's event reader reads. */
  readonly taken?: () => Promise<ChangeEvent[]>;
};
export type BackendTraits = {
  /** Whether it is a `LocalBackend`, as `npm start` needs it. Default: true. */
  readonly local?: boolean;
  /** Whether users sign in with passwords of their own. Default: true. */
  readonly passwords?: boolean;
  /** Rules that a stand-in for the real service is known to break: rule → reason, which is printed. */
  readonly gaps?: KnownGaps;
};

/**
 * Runs every contract over a complete backend: an empty one for each test.
 *
 * @example describe("memory", () => backendContract(async (options) => fixtureOf(createMemoryBackend(options))));
 */
export function backendContract(
  make: (options: BackendOptions) => Promise<BackendFixture>,
  { local = true, passwords = true, gaps = {} }: BackendTraits = {},
): void {
  const open = async (options: Partial<BackendOptions> = {}) => {
    const { backend, ...fixture } = await make({ registration: "open", ...options });
    return { ...backend, ...fixture, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
  };
  describe("object store", () => objectStoreContract(() => open(), gaps));
  describe("change queue", () =>
    changeQueueContract(async () => {
      const clock = manualClock();
      const { queue, receiver, deadLetters, ...rest } = await open({ clock });
      return {
        queue: { ...queue, ...receiver, ...deadLetters },
        afterPause: () => clock.advance(60_000),
        bury: rest.bury,
        [Symbol.asyncDispose]: rest[Symbol.asyncDispose],
      };
    }, gaps));
  if (local)
    describe("local receiver", () =>
      localReceiverContract(async () => {
        const { receiver, ...fixture } = await open();
        if (!("isEmpty" in receiver)) throw new Error("the receiver has no isEmpty: it is not a LocalReceiver");
        return { ...fixture, receiver };
      }));
  if (local)
    describe("search index", () => {
      const openIndex = async () => {
        const { searchIndex, ...fixture } = { searchIndex: undefined, ...(await open()) };
        if (!searchIndex) throw new Error("the backend has no searchIndex: it is not a LocalBackend");
        return { ...fixture, index: searchIndex };
      };
      searchIndexContract(openIndex);
      localSearchIndexContract(openIndex);
    });
  describe("event log", () =>
    eventLogContract(async () => {
      const fixture = await open();
      const read = async () => ((await fixture.eventReader?.read(0, 1_000)) ?? []).map(({ event }) => event);
      return { ...fixture, taken: fixture.taken ?? read };
    }));
  describe("audit log", () =>
    auditLogContract(async () => {
      const fixture = await open();
      return { ...fixture, auditLog: createAuditLog({ store: fixture.store, ids: counting() }) };
    }));
  describe("outcomes", () => outcomesContract(() => open()));
  describe("tokens", () => {
    tokenStoreContract(() => open());
    tokenListContract(() => open());
  });
  describe("identities", () => {
    identityContract(() => open());
    if (passwords) passwordIdentityContract((registration) => open({ registration }));
  });
}

/** Ids that sort by the order in which they were asked for. */
function counting() {
  let last = 0;
  return { next: () => String(++last).padStart(6, "0") };
}
