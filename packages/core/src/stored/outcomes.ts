import { jsonIn } from "../domain/json.ts";
import { ageOf } from "../domain/age.ts";
import { outcomeInRing } from "../domain/history.ts";
import { APPLIED_RING } from "../domain/limits.ts";
import type { Outcome } from "../domain/outcome.ts";
import { isRecord, stateOf, type Packument } from "../domain/packument.ts";
import { outcomeKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore, type StoredObject } from "../ports/object-store.ts";
import type { Outcomes, Pending } from "../ports/outcomes.ts";
import type { PackumentReader } from "../read/reader.ts";
import { readObject, updateObject, type Mutation } from "../write/update-object.ts";

/** The first look at the packument, in milliseconds: SQS, a warm consumer and its write take about so long together. */
const FIRST_MS = 60;
/** Each pause is so much longer than the one before, up to `LAST_MS`: a thousand who wait cost S3 a thousand reads a second at most. */
const GROWTH = 1.6;
const LAST_MS = 1_000;
/** Every so many looks the rejection is looked for too: rare, since the API validates before it queues. */
const REJECTION_EVERY = 3;

export type OutcomesPorts = {
  readonly store: ObjectStore;
  readonly reader: PackumentReader;
  readonly clock: Clock;
  /** 0 ≤ n < 1. Spreads the looks of those who began to wait together. Default: no spreading. */
  readonly random?: () => number;
};

/**
 * The `Outcomes` port over any object store.
 *
 * The ring in index.json has the outcome of an applied change, so applying costs no further write. A waiter looks there, with
 * If-None-Match and a growing pause. docs/decisions/0006 says why, and what a thousand waiters cost.
 */
export function createStoredOutcomes({ store, reader, clock, random = () => 0.5 }: OutcomesPorts): Outcomes {
  const stored = async (id: string) => {
    const found = await readObject(store, outcomeKey(id));
    return found && { ...parse(found.bytes), modified: found.modified };
  };
  const update = async (id: string, mutate: (present: Stored | undefined) => Outcome | Pending | undefined) => {
    const key = outcomeKey(id);
    const updated = await updateObject({ store, clock, random }, key, {
      // Most outcomes are recorded once: the first attempt writes without a read, on the condition that there is none.
      read: afterFirst(() => readObject(store, key)),
      mutate: (found: StoredObject | undefined): Mutation<void> => {
        const next = mutate(found && parse(found.bytes));
        return { result: undefined, ...(next ? { bytes: encode(next) } : {}) };
      },
    });
    if (!updated.ok) throw new StoreUnavailable(`${key} was written by others ${updated.attempts} times`);
  };
  const applied = async (id: string, name: string) => outcomeInRing((await reader.stored(name))?.packument, id);
  return {
    async record(outcomes) {
      const rejected = outcomes.filter(({ state }) => state === "rejected");
      // The first outcome stays; a pending one gives way.
      await Promise.all(
        rejected.map((outcome) => update(outcome.id, (present) => (present?.state === "known" ? undefined : outcome))),
      );
    },
    async wait({ id, name }, timeoutMs) {
      const start = clock.now().getTime();
      let pause = FIRST_MS;
      for (let look = 1; ; look++) {
        const left = timeoutMs - ageOf(start, clock.now());
        const last = left <= pause;
        await clock.sleep(last ? Math.max(0, left) : pause * (0.75 + random() / 2));
        const outcome = await tolerant(async () => {
          const known = await applied(id, name);
          if (known || !(last || look % REJECTION_EVERY === 0)) return known;
          const kept = await stored(id);
          return kept && kept.state !== "pending" ? kept.outcome : undefined;
        });
        if (outcome || last) return outcome;
        pause = Math.min(pause * GROWTH, LAST_MS);
      }
    },
    async remember({ id, name }) {
      const pending = { state: "pending", id, name } satisfies Pending;
      // Left as it is when it is there already: remembered before, or rejected meanwhile.
      await update(id, (present) => (present ? undefined : pending));
    },
    async find(id, name) {
      const known = await stored(id);
      if (known === undefined && name !== undefined) return applied(id, name);
      if (known?.state !== "pending") return known?.outcome;
      const { outcome: pending, modified } = known;
      const packument = (await reader.stored(pending.name))?.packument;
      return outcomeInRing(packument, id) ?? (isOvertaken(packument, modified) ? undefined : pending);
    },
  };
}

/** A read that finds nothing the first time, without asking. */
function afterFirst<Found>(read: () => Promise<Found | undefined>): () => Promise<Found | undefined> {
  let first = true;
  return async () => {
    if (!first) return read();
    first = false;
    return undefined;
  };
}

const encode = (value: Outcome | Pending): Uint8Array => Buffer.from(JSON.stringify(value));

type Stored =
  | { readonly state: "pending"; readonly outcome: Pending }
  | { readonly state: "known"; readonly outcome: Outcome };

function parse(bytes: Uint8Array): Stored {
  const value: unknown = jsonIn(bytes);
  if (!isRecord(value)) throw new SyntaxError("a stored outcome is not a JSON object");
  return value["state"] === "pending"
    ? { state: "pending", outcome: value as Pending }
    : { state: "known", outcome: value as Outcome };
}

/** Whether so many changes came after it that the ring no longer holds it. */
function isOvertaken(packument: Packument | undefined, remembered: Date): boolean {
  const { applied } = stateOf(packument);
  const [oldest] = applied;
  // oxlint-disable-next-line no-restricted-globals -- parses a recorded time; no clock is read
  return oldest !== undefined && applied.length >= APPLIED_RING && Date.parse(oldest.at) > remembered.getTime();
}

/** The change is queued whether the store answers or not: a look that fails is one that saw nothing, and the next may see more. */
async function tolerant(look: () => Promise<Outcome | undefined>): Promise<Outcome | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}
