import { describe } from "vitest";
import type { Backend, Change, ChangeReceiver, Clock, EventReader } from "@codebox/core";
import { changeQueueContract } from "./change-queue-contract.ts";
import { identityContract, passwordIdentityContract, tokenStoreContract } from "./identity-contract.ts";
import { eventLogContract, outcomesContract } from "./log-contracts.ts";
import { manualClock } from "./manual-clock.ts";
import { objectStoreContract } from "./object-store-contract.ts";

export type BackendOptions = {
  /** Absent: the real time. */
  readonly clock?: Clock;
  /** Whether the first login under a name registers a user. */
  readonly registration: "open" | "closed";
};
export type BackendFixture = AsyncDisposable & {
  readonly backend: Backend & { readonly receiver: ChangeReceiver; readonly eventReader: EventReader };
  /** Adds a dead letter as the adapter stores one. */
  readonly bury: (change: Change, reason: string) => Promise<void>;
};

/**
 * Runs every contract over a complete backend: an empty one for each test.
 *
 * A backend without a receiver or an event reader runs the contracts of its ports one by one instead, as tests/aws does.
 *
 * @example describe("memory", () => backendContract(async (options) => fixtureOf(createMemoryBackend(options))));
 */
export function backendContract(make: (options: BackendOptions) => Promise<BackendFixture>): void {
  const open = async (options: Partial<BackendOptions> = {}) => {
    const fixture = await make({ registration: "open", ...options });
    return { ...fixture.backend, bury: fixture.bury, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
  };
  describe("object store", () => objectStoreContract(() => open()));
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
    }));
  describe("event log", () =>
    eventLogContract(async () => {
      const fixture = await open();
      return { ...fixture, taken: async () => (await fixture.eventReader.read(0, 1_000)).map(({ event }) => event) };
    }));
  describe("outcomes", () => outcomesContract(() => open()));
  describe("tokens", () => tokenStoreContract(() => open()));
  describe("identities", () => {
    identityContract(() => open());
    passwordIdentityContract((registration) => open({ registration }));
  });
}
