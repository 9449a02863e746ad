import type { LoginFlow, Sessions } from "@codebox/core";

/** A provider in memory: a test says what the person behind a `loginUrl` does. */
export type MemoryLoginFlow = LoginFlow & {
  approve(loginUrl: string, user: string): Promise<void>;
  refuse(loginUrl: string): Promise<void>;
};

/**
 * A `LoginFlow` over sessions, as a provider's adapter is written: the provider gets a state of its own, never the secret.
 *
 * @example const flow = createMemoryLoginFlow(createSessions({ store, clock, ids }), "http://registry.test");
 */
export function createMemoryLoginFlow(sessions: Sessions, origin: string): MemoryLoginFlow {
  const states = new Map<string, string>();
  const settle = async (loginUrl: string, result: Parameters<Sessions["settle"]>[1]) => {
    const session = states.get(new URL(loginUrl).searchParams.get("state") ?? "");
    if (session !== undefined) await sessions.settle(session, result);
  };
  return {
    async begin() {
      const session = await sessions.begin();
      const state = String(states.size + 1);
      states.set(state, session);
      const loginUrl = `https://provider.test/authorize?state=${state}`;
      return { session, loginUrl, doneUrl: `${origin}/-/v1/done?session=${encodeURIComponent(session)}` };
    },
    complete: (session) => sessions.complete(session),
    approve: (loginUrl, user) => settle(loginUrl, { state: "identity", name: user }),
    refuse: (loginUrl) => settle(loginUrl, { state: "failed", reason: "refused" }),
  };
}
