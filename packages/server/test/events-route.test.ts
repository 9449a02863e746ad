import { createApp } from "@codebox/api";
import { createPolicy, DEFAULT_RIGHTS, hashToken, issueToken } from "@codebox/core";
import { fail } from "@codebox/testing";
import { eventOf } from "@codebox/testing/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock, systemIds } from "@codebox/system";
import { eventRoutes } from "../src/events-route.ts";

let embedded: SqliteBackend;
let listeners: number;
let request: (init?: RequestInit) => Promise<Response>;

/** Packages in the scope `@private` are for alice. */
const policy = createPolicy({
  anonymousRead: true,
  rights: {
    ...DEFAULT_RIGHTS,
    visibility: { "@private/*": "private" },
    grants: [{ to: "user:alice", role: "read", on: "@private/*" }],
  },
});
const tokenOf = (user: string) =>
  issueToken(
    { ...embedded, ids: systemIds },
    { user, readonly: true, label: "test", created: "2026-01-01T00:00:00.000Z" },
  );

beforeEach(async () => {
  embedded = await openSqlite({ directory: ":memory:", onFailure: fail, clock: systemClock });
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
  const routes = eventRoutes({ ...embedded, events, policy, clock: systemClock }, new AbortController().signal);
  const app = createApp({ ...embedded, policy, clock: systemClock }, {}, [routes]);
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

/** The stream's text until it has `words`, or until it ends. */
async function readUntil(response: Response, words: string): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  for (let done = false; !done && !text.includes(words);) {
    const chunk = await reader?.read();
    done = chunk?.done !== false;
    text += decoder.decode(chunk?.value);
  }
  await reader?.cancel();
  return text;
}
test("events of packages that the caller may not read are left out, for a caller with the role they are sent", async () => {
  await embedded.events.publish([eventOf("1", 1, "@private/a"), eventOf("2", 1, "b")]);
  expect(await readUntil(await request(), '"name":"b"')).not.toContain("@private/a");
  const headers = { authorization: `Bearer ${await tokenOf("alice")}` };
  expect(await readUntil(await request({ headers }), '"name":"b"')).toContain("@private/a");
});
test("the stream ends when its token is revoked, before it sends another event", async () => {
  const token = await tokenOf("alice");
  const response = await request({ headers: { authorization: `Bearer ${token}` } });
  await vi.waitFor(() => expect(listeners).toBe(1));
  await embedded.tokens.remove(hashToken(token));
  await embedded.events.publish([eventOf("1", 1, "b")]);
  expect(await readUntil(response, "never")).not.toContain('"name":"b"');
  await vi.waitFor(() => expect(listeners).toBe(0));
});
test("a silent stream ends when its token is revoked", async () => {
  const token = await tokenOf("alice");
  const response = await request({ headers: { authorization: `Bearer ${token}` } });
  await vi.waitFor(() => expect(listeners).toBe(1));
  await embedded.tokens.remove(hashToken(token));
  await readUntil(response, "never");
  await vi.waitFor(() => expect(listeners).toBe(0));
});
