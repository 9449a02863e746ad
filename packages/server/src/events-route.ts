import { routeGroup, type RouteGroup } from "@codebox/api";
import { streamSSE } from "hono/streaming";
import type { EventReader } from "@codebox/core";

/** How many past events are read at once. */
const PAGE = 200;

/**
 * `GET /-/events`: change events as server-sent events, from now on, or after `Last-Event-ID` (or `?after=`), 0 being the beginning.
 *
 * An event's id is its position in the log; a client that reconnects continues where it was. `?package=` shows one package only.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function eventRoutes(events: EventReader, stopping: AbortSignal): RouteGroup {
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
          while (!stream.aborted && !stopping.aborted) {
            const more = new Promise<void>((resolve) => {
              wake = resolve;
            });
            const page = await events.read(position, PAGE);
            for (const { position: id, event } of page) {
              position = id;
              if (only !== undefined && event.name !== only) continue;
              await stream.writeSSE({ id: String(id), event: event.type, data: JSON.stringify(event) });
            }
            if (page.length === 0 && !stream.aborted && !stopping.aborted) await more;
          }
        } finally {
          unsubscribe();
          stopping.removeEventListener("abort", stop);
        }
      });
    });
  });
}
