import { randomBytes, randomUUID } from "node:crypto";
import type { Clock, Ids } from "@codebox/core";

/** The machine's own clock: for entry points, which hand it on. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", wake);
    }),
};

/** The machine's own randomness. */
export const systemIds: Ids = {
  /** Sorts by time: 9 characters of milliseconds, then 122 random bits. */
  next: () => `${Date.now().toString(36).padStart(9, "0")}${randomUUID().replaceAll("-", "")}`,
  secret: () => randomBytes(32).toString("base64url"),
};
