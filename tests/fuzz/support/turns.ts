import process from "node:process";
import { setImmediate } from "node:timers/promises";

/**
 * Runs `work`, and measures the longest turn of the event loop meanwhile, in milliseconds of this thread's processor time:
 * other processes do not count.
 */
export async function longestTurn<T>(work: () => Promise<T>): Promise<{ readonly turn: number; readonly value: T }> {
  const ended = new AbortController();
  const watching = watch(ended.signal);
  try {
    const value = await work();
    ended.abort();
    return { turn: await watching, value };
  } finally {
    ended.abort();
  }
}

async function watch(ended: AbortSignal): Promise<number> {
  let longest = 0;
  for (let before = used(); !ended.aborted;) {
    await setImmediate();
    const now = used();
    longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}

function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
