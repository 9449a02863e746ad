import { createApp } from "@codebox/api";
import { issueToken } from "@codebox/core";
import { fail, manualClock, openPolicy, type ManualClock } from "@codebox/testing";
import { eventOf } from "@codebox/testing/contracts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock, systemIds } from "@codebox/system";
import { eventRoutes } from "../src/events-route.ts";
import { watchRevocations, type Revocations } from "../src/revocations.ts";

let embedded: SqliteBackend;
let listeners: number;
let clock: ManualClock;
let revocations: Revocations;
let request: (init?: RequestInit) => Promise<Response>;

beforeEach(async () => {
  clock = manualClock();
  embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
  revocations = watchRevocations(embedded.tokens, clock);
  listeners = 0;
  const events: SqliteBackend["events"] = {
    ...embedded.events,
    subscribe(listener) {
      listeners++;
      const end = embedded.events.subscribe(listener);
      return () => {
        listeners--;
        return end();
      };
    },
  };
  const routes = eventRoutes(events, revocations, clock, new AbortController().signal);
  const app = createApp({ ...embedded, policy: openPolicy, clock }, {}, [routes]);
  request = async (init) => app.request("http://registry.test/-/events?after=0", init);
});
afterEach(() => embedded.close());

test("HEAD of the events opens no stream", async () => {
  const response = await request({ method: "HEAD" });
  expect([response.status, response.headers.get("content-type"), response.body]).toEqual([
    200,
    "text/event-stream",
    null,
  ]);
  expect(listeners).toBe(0);
});
test("a client that goes away frees its listener, also while it holds a write up", async () => {
  await embedded.events.publish([eventOf("a", 1), eventOf("b", 2), eventOf("c", 3)]);
  const response = await request();
  await vi.waitFor(() => expect(listeners).toBe(1));
  await response.body?.cancel();
  await vi.waitFor(() => expect(listeners).toBe(0));
});

test("a stream without events sends a comment every half minute", async () => {
  const response = await request();
  await vi.waitFor(() => expect(listeners).toBe(1));
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toBe(": connected\n\n");
  const next = reader?.read();
  await vi.waitFor(async () => {
    await clock.advance(30_000);
    expect(await Promise.race([next, "nothing"])).toMatchObject({ value: ":\n\n" });
  });
  await reader?.cancel();
});

describe("a stream that was opened with a token", () => {
  const open = async (grant: { readonly expires?: string } = {}) => {
    const { tokens } = embedded;
    const created = clock.now().toISOString();
    const token = await issueToken(
      { tokens, ids: systemIds },
      { user: "alice", readonly: true, label: "test", created, ...grant },
    );
    const response = await request({ headers: { authorization: `Bearer ${token}` } });
    await vi.waitFor(() => expect(listeners).toBe(1));
    const [record] = await tokens.list("alice");
    return { text: response.text(), hash: record?.hash ?? "" };
  };
  test("ends at once when the token is revoked, and sends no event of later", async () => {
    const { text, hash } = await open();
    await revocations.tokens.remove(hash);
    await embedded.events.publish([eventOf("a", 1)]);
    expect(await text).toBe(": connected\n\n");
    expect(listeners).toBe(0);
  });
  test("ends when the token expires", async () => {
    const { text } = await open({ expires: new Date(clock.now().getTime() + 5_000).toISOString() });
    await clock.advance(10_000);
    expect(await text).toBe(": connected\n\n");
  });
  test("ends when the token is removed in another way", async () => {
    const { text, hash } = await open();
    await embedded.tokens.remove(hash);
    await clock.advance(10_000);
    expect(await text).toBe(": connected\n\n");
  });
  test("goes on when another token ends", async () => {
    const { hash } = await open();
    await revocations.tokens.remove("0".repeat(64));
    await clock.advance(10_000);
    expect(listeners).toBe(1);
    await revocations.tokens.remove(hash);
  });
});
