import { systemClock } from "@codebox/system";
import { describe } from "vitest";
import { backendContract } from "../src/contracts.ts";
import { createMemoryBackend } from "../src/index.ts";

describe("the memory backend", () =>
  backendContract(async (options) => {
    const backend = createMemoryBackend({ clock: systemClock, ...options });
    return {
      backend,
      bury: async (change, reason) => backend.queue.bury(change, reason),
      [Symbol.asyncDispose]: () => backend.close(),
    };
  }));
