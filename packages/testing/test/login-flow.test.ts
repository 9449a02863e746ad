import { createSessions, SESSION_MS } from "@codebox/core";
import { systemIds } from "@codebox/system";
import { describe } from "vitest";
import { loginFlowContract } from "../src/contracts.ts";
import { createMemoryBackend, createMemoryLoginFlow, manualClock } from "../src/index.ts";

describe("the memory login flow", () =>
  loginFlowContract(async () => {
    const clock = manualClock();
    const backend = createMemoryBackend({ clock });
    const sessions = createSessions({ store: backend.store, clock, ids: systemIds });
    const flow = createMemoryLoginFlow(sessions, "http://registry.test");
    return {
      flow,
      approve: flow.approve,
      refuse: flow.refuse,
      afterLifetime: () => clock.advance(SESSION_MS),
      [Symbol.asyncDispose]: () => backend.close(),
    };
  }));
