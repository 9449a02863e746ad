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
  next: () => randomUUID(),
  secret: () => randomBytes(32).toString("base64url"),
};
