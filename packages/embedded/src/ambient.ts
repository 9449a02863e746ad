import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Ids } from "@codebox/core";

export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  },
};

export const systemIds: Ids = {
  /** Sorts by time: 9 characters of milliseconds, then 80 random bits. */
  next: () => `${Date.now().toString(36).padStart(9, "0")}${randomBytes(10).toString("hex")}`,
  secret: () => randomBytes(32).toString("base64url"),
};
