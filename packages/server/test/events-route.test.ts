import { createApp } from "@codebox/api";
import { fail, openPolicy } from "@codebox/testing";
import { eventOf } from "@codebox/testing/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import { systemClock } from "@codebox/system";
import { eventRoutes } from "../src/events-route.ts";

let embedded: SqliteBackend;
let listeners: number;
let request: (init?: RequestInit) => Promise<Response>;

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
  const routes = eventRoutes(events, new AbortController().signal);
  const app = createApp({ ...embedded, policy: openPolicy, clock: systemClock }, {}, [routes]);
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
