import { ApiError, routeGroup, type RouteGroup } from "@codebox/api";
import { redriveAll, type Clock, type DeadLetter, type DeadLetters } from "@codebox/core";

/** No letter is started after so many milliseconds: a client waits for the answer. */
const ALL_MS = 20_000;

/**
 * `GET /-/dead-letters` lists the changes that could not be applied, `POST` of it puts all of them back into the queue, and
 * `POST /-/dead-letters/:id` one. `"more": true` in the answer: the time was up before all were redriven; send the request again.
 */
export function deadLetterRoutes(deadLetters: DeadLetters, clock: Pick<Clock, "now">): RouteGroup {
  return routeGroup("admin", (on) => {
    on.get("/-/dead-letters", async (c) => {
      c.header("cache-control", "no-store");
      return c.json({ letters: (await Array.fromAsync(deadLetters.list())).map(shown) });
    });
    on.post("/-/dead-letters", async (c) => {
      const { redriven, more } = await redriveAll({ deadLetters, clock }, { maxMs: ALL_MS });
      return c.json({ ok: true, redriven, ...(more ? { more } : {}) }, 202);
    });
    on.post("/-/dead-letters/:id", async (c) => {
      const id = c.req.param("id");
      if (!(await deadLetters.redrive(id)))
        throw new ApiError("not_found", `there is no dead letter "${id.slice(0, 128)}"`);
      c.header("location", `${c.get("origin")}/-/changes/${encodeURIComponent(id)}`);
      return c.json({ ok: true, redriven: [id] }, 202);
    });
  });
}

function shown({ id, group, reason, receives, at, body }: DeadLetter) {
  return { id, name: group, reason, receives, at, change: body };
}
