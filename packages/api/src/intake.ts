import {
  ANONYMOUS_HELD_BYTES_MAX,
  BODY_BYTES_PER_SECOND,
  BODY_MS,
  HELD_BYTES_MAX,
  UPLOAD_MS,
  type Clock,
} from "@codebox/core";
import { ApiError } from "./errors.ts";

/** Who sends a body. A caller without a token shares less memory. */
type Sender = { readonly address: string | undefined; readonly isNamed: boolean };

/** What one request may cost while its body arrives, and until it is answered. */
export type Allowance = {
  /**
   * Counts bytes that the body takes in memory. They are held until the request is answered.
   *
   * @throws ApiError `too_many` when the sender's address holds too much, `unavailable` when all of them together do
   */
  hold(bytes: number): void;
  /** The body is a publish by a caller who may publish: its tarball may take `UPLOAD_MS`. */
  allowUpload(): void;
  /**
   * Watches a body until `signal` aborts, and calls `onLate` when it takes too long: `BODY_MS`, and more as long as it arrives at
   * `BODY_BYTES_PER_SECOND`.
   */
  watch(arrived: () => number, onLate: (error: ApiError) => void, signal: AbortSignal): void;
};

/** Bounds the memory and the time of bodies that have not arrived completely. */
export type Intake = {
  /** Opens a request's account. `close` frees what it holds. */
  open(sender: Sender): Allowance & { close(): void };
};

/** An address may hold one part in so many of what all may hold: behind a proxy all clients have one address. */
const ADDRESS_SHARE = 2;

/** @example const { hold, close } = createIntake(clock).open({ address: "10.0.0.7", isNamed: false }); hold(1_024); close(); */
export function createIntake(clock: Pick<Clock, "sleep">): Intake {
  const pools = { anonymous: createPool(ANONYMOUS_HELD_BYTES_MAX), named: createPool(HELD_BYTES_MAX) };
  return {
    open({ address = "unknown", isNamed }) {
      const pool = isNamed ? pools.named : pools.anonymous;
      let held = 0;
      let isUpload = false;
      return {
        hold(bytes) {
          pool.take(address, bytes);
          held += bytes;
        },
        allowUpload: () => void (isUpload = true),
        watch(arrived, onLate, signal) {
          const extra = () => Math.floor(arrived() / BODY_BYTES_PER_SECOND) * 1_000;
          const allowed = () => (isUpload ? UPLOAD_MS : BODY_MS + extra());
          void watch(clock, allowed, signal).then((late) => late && onLate(tooSlow()));
        },
        close() {
          pool.give(address, held);
          held = 0;
        },
      };
    },
  };
}

/** Whether the time that is allowed ran out before `signal` aborted. Sleeps count, not the time of day, which may jump. */
async function watch(clock: Pick<Clock, "sleep">, allowed: () => number, signal: AbortSignal): Promise<boolean> {
  let waited = 0;
  for (let left = allowed(); left > 0; left = allowed() - waited) {
    await clock.sleep(left, signal);
    if (signal.aborted) return false;
    waited += left;
  }
  return true;
}

function createPool(bytesMax: number) {
  const byAddress = new Map<string, number>();
  let all = 0;
  return {
    take(address: string, bytes: number) {
      const own = (byAddress.get(address) ?? 0) + bytes;
      if (own > bytesMax / ADDRESS_SHARE) throw heldTooMuch("too_many", "your address is sending too much at once");
      if (all + bytes > bytesMax) throw heldTooMuch("unavailable", "the registry is receiving too much at once");
      byAddress.set(address, own);
      all += bytes;
    },
    give(address: string, bytes: number) {
      all -= bytes;
      const left = (byAddress.get(address) ?? 0) - bytes;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    },
  };
}

function heldTooMuch(code: "too_many" | "unavailable", what: string): ApiError {
  return new ApiError(code, `${what}; nothing was changed: send it again in a moment`, { "retry-after": "5" });
}

function tooSlow(): ApiError {
  return new ApiError(
    "too_slow",
    `the body took too long to arrive: ${BODY_MS / 1_000} seconds are allowed, and one more for each ${BODY_BYTES_PER_SECOND / 1024} KiB; nothing was changed: send it again`,
  );
}
