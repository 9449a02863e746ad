import { ApiError, authorise, routeGroup, type AppContext, type RouteGroup } from "@codebox/api";
import type { Clock, EventReader, PackumentReader, Policy } from "@codebox/core";
import { streamSSE } from "hono/streaming";

/** How many past events are read at once. */
const PAGE = 200;
/** How often the token of a silent stream is looked up again, in milliseconds: a stream ends so soon after its token was revoked. */
const AUTHORISE_MS = 1_000;

export type EventPorts = {
  readonly events: EventReader;
  readonly policy: Policy;
  readonly reader: PackumentReader;
  readonly clock: Clock;
};

/**
 * `GET /-/events`: change events as server-sent events, from now on, or after `Last-Event-ID` (or `?after=`), 0 being the beginning.
 *
 * An event's id is its position in the log; a client that reconnects goes on where it was. `?package=` shows one package only.
 * Events of packages that the caller may not read are left out. The stream ends when the caller's token ends.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function eventRoutes({ events, policy, reader, clock }: EventPorts, stopping: AbortSignal): RouteGroup {
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
      let position = Number.isSafeInteger(after) && after >= 0 ? after : await events.position();
      return streamSSE(c, async (stream) => {
        let wake: () => void = () => {};
        const unsubscribe = events.subscribe(() => wake());
        const stop = () => wake();
        stream.onAbort(stop);
        stopping.addEventListener("abort", stop);
        try {
          await stream.write(": connected\n\n");
          while (!stream.aborted && !stopping.aborted && (await isAuthorised(c, policy))) {
            const more = new Promise<void>((resolve) => {
              wake = resolve;
            });
            const page = await events.read(position, PAGE);
            for (const { position: id, event } of page) {
              position = id;
              if (only !== undefined && event.name !== only) continue;
              if (!(await mayRead(c, event.name))) continue;
              await stream.writeSSE({ id: String(id), event: event.type, data: JSON.stringify(event) });
            }
            if (page.length === 0 && !stream.aborted && !stopping.aborted) await untilMore(clock, more);
          }
        } finally {
          unsubscribe();
          stopping.removeEventListener("abort", stop);
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

/** Waits for the next event, or until it is time to look at the caller's token again. */
async function untilMore(clock: Clock, more: Promise<void>): Promise<void> {
  const woken = new AbortController();
  await Promise.race([more, clock.sleep(AUTHORISE_MS, woken.signal)]);
  woken.abort();
}
