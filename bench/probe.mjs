// Loaded into a server before it starts: answers the p99 of the event loop's delay, in milliseconds, and begins to measure again.
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";

const NANOSECONDS = 1e6;
/** What is measured is the time between two turns of a timer, so this is part of it. */
const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on("message", () => {
  const late = delay.percentile(99) / NANOSECONDS - RESOLUTION_MS;
  process.send?.(Math.max(0, Math.round(late * 10) / 10));
  delay.reset();
});
// The channel must not keep the server from its end.
process.channel?.unref();
