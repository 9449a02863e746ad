import { ApiError, authorise, routeGroup, type AppContext, type RouteGroup } from "@codebox/api";
import { streamSSE } from "hono/streaming";
import type { Clock, EventReader, PackumentReader, Policy } from "@codebox/core";
import type { Revocations } from "./revocations.ts";

/** How many past events are read at once. */
const PAGE = 200;
/** A comment is sent after so many milliseconds without an event: proxies, and this server too, close a connection that stands still. */
const SILENCE_MS = 30_000;

export type EventPorts = {
  readonly events: EventReader;
  readonly policy: Policy;
  readonly reader: PackumentReader;
  readonly clock: Clock;
} & Pick<Revocations, "watch">;

/**
 * `GET /-/events`: change events as server-sent events, from now on, or after `Last-Event-ID` (or `?after=`), 0 being the beginning.
 *
 * An event's id is its position in the log; a client that reconnects continues where it was. `?package=` shows one package only.
 * Events of packages that the caller may not read are left out. A stream that was opened with a token ends when the token is revoked
 * or expires.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function eventRoutes({ events, policy, reader, clock, watch }: EventPorts, stopping: AbortSignal): RouteGroup {
  const mayRead = async (c: AppContext, name: string) => {
    const packument = (await reader.read(name))?.packument;
    return policy.may(c.get("principal"), "read", { name, packument }).allowed;
  };
  return routeGroup("read", (on) => {
    on.get("/-/events", async (c) => {
      // Answered without the body that nobody would read, and so never end.
      if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
      const after = Number(c.req.header("last-event-id") ?? c.req.query("after") ?? Number.NaN);
      const only = c.req.query("package");
      const principal = c.get("principal");
      let position = Number.isSafeInteger(after) && after >= 0 ? after : await events.position();
      return streamSSE(c, async (stream) => {
        let wake: () => void = () => {};
        const unsubscribe = events.subscribe(() => wake());
        const ending = new AbortController();
        const ends = AbortSignal.any([stopping, ending.signal]);
        stream.onAbort(() => ending.abort());
        ends.addEventListener("abort", () => wake());
        // A provider's own token has no record to look up; `isAuthorised` asks the provider.
        if (principal.kind === "token" && !principal.ofProvider) watch(principal.tokenHash, () => ending.abort(), ends);
        try {
          await stream.write(": connected\n\n");
          while (!ends.aborted && (await isAuthorised(c, policy))) {
            const more = new Promise<void>((resolve) => {
              wake = resolve;
            });
            const page = await events.read(position, PAGE);
            for (const { position: id, event } of page) {
              if (ends.aborted) break;
              position = id;
              if (only !== undefined && event.name !== only) continue;
              if (!(await mayRead(c, event.name))) continue;
              await stream.writeSSE({ id: String(id), event: event.type, data: JSON.stringify(event) });
            }
            if (page.length > 0 || ends.aborted) continue;
            if (await isSilent(more, clock)) await stream.write(":\n\n");
          }
        } finally {
          unsubscribe();
          ending.abort();
        }
      });
    });
  });
}

/** Whether the caller still has the right to read: the token may be revoked or expired, or the rights changed. */
async function isAuthorised(c: AppContext, policy: Policy): Promise<boolean> {
  try {
    await authorise(c, policy, "read");
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}

/** Whether `SILENCE_MS` pass before there is more. */
async function isSilent(more: Promise<void>, clock: Clock): Promise<boolean> {
  const ended = new AbortController();
  const silence = clock.sleep(SILENCE_MS, ended.signal).then(() => true);
  return Promise.race([more.then(() => false), silence]).finally(() => ended.abort());
}
