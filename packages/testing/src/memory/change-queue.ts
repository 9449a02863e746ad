import {
  Change,
  changeProblem,
  type ChangeQueue,
  type ChangeReceiver,
  type Clock,
  type DeadLetter,
  type DeadLetters,
} from "@codebox/core";

/** How long the id of an acknowledged change is known, in milliseconds, as in SQS. */
const DEDUPLICATION_MS = 5 * 60 * 1000;
/** The pause of a released group, in milliseconds. A test moves its clock past it. */
const PAUSE_MS = 1_000;

type Waiting = { readonly change: Change; receives: number };
export type MemoryChangeQueue = ChangeQueue &
  ChangeReceiver &
  DeadLetters & {
    /** Adds a dead letter, as a queue does with a message that can never succeed. */
    bury(body: unknown, reason?: string): void;
    /** Whether nothing waits and nothing is in flight. */
    isEmpty(): boolean;
  };

/** The FIFO queue in memory. A group is locked from its receive until it is acknowledged, or released and its pause is over. */
export function createMemoryChangeQueue(clock: Clock): MemoryChangeQueue {
  const groups = new Map<string, Waiting[]>();
  const locked = new Set<string>();
  const done = new Map<string, number>();
  const letters = new Map<string, DeadLetter>();
  let wake = Promise.withResolvers<void>();
  const notify = () => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const isKnown = ({ id, name }: Change) =>
    (groups.get(name) ?? []).some(({ change }) => change.id === id) ||
    clock.now().getTime() - (done.get(id) ?? Number.NEGATIVE_INFINITY) < DEDUPLICATION_MS;
  const send = (change: Change) => {
    letters.delete(change.id);
    if (isKnown(change)) return;
    groups.set(change.name, [...(groups.get(change.name) ?? []), { change: structuredClone(change), receives: 0 }]);
    notify();
  };
  const unlock = (group: string) => {
    locked.delete(group);
    notify();
  };
  return {
    async send(change) {
      send(change);
    },
    async receive({ max, signal }) {
      const aborted = Promise.withResolvers<void>();
      const abort = () => aborted.resolve();
      signal.addEventListener("abort", abort, { once: true });
      try {
        while (!signal.aborted) {
          const next = [...groups].find(([group, waiting]) => waiting.length > 0 && !locked.has(group));
          if (next) {
            const [group, waiting] = next;
            locked.add(group);
            const messages = waiting.slice(0, max).map((message) => {
              const receives = ++message.receives;
              return { change: structuredClone(message.change), receipt: message.change.id, receives };
            });
            return { group, messages };
          }
          await Promise.race([wake.promise, aborted.promise]);
        }
        return undefined;
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
    async acknowledge({ group, messages }) {
      const handled = new Set(messages.map(({ receipt }) => receipt));
      for (const id of handled) done.set(id, clock.now().getTime());
      const left = (groups.get(group) ?? []).filter(({ change }) => !handled.has(change.id));
      groups.delete(group);
      // Behind the other groups, so that a busy package does not keep them waiting.
      if (left.length > 0) groups.set(group, left);
      unlock(group);
    },
    async release({ group }) {
      void clock.sleep(PAUSE_MS).then(() => unlock(group));
    },
    bury(body, reason) {
      const letter = letterOf(body, clock, reason);
      letters.set(letter.id, letter);
    },
    async *list() {
      yield* letters.values();
    },
    async redrive(id) {
      const letter = letters.get(id);
      const change = Change.safeParse(letter?.body);
      if (!change.success) return false;
      done.delete(id);
      send(change.data);
      return true;
    },
    isEmpty: () => locked.size === 0 && groups.size === 0,
  };
}

function letterOf(body: unknown, clock: Clock, reason?: string): DeadLetter {
  const { success, data, error } = Change.safeParse(body);
  return {
    id: success ? data.id : `letter-${clock.now().getTime()}`,
    group: success ? data.name : "",
    body,
    reason: reason ?? (error ? changeProblem(error) : "unknown"),
    receives: 1,
    at: clock.now().toISOString(),
  };
}
