import { randomBytes, randomUUID } from "node:crypto";
import type { Clock, Ids } from "@codebox/core";

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    }),
};

export const systemIds: Ids = {
  /** Sorts by time: 9 characters of milliseconds, then 122 random bits. */
  next: () => `${Date.now().toString(36).padStart(9, "0")}${randomUUID().replaceAll("-", "")}`,
  secret: () => randomBytes(32).toString("base64url"),
};
