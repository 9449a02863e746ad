import { ApiError, routeGroup, type RouteGroup } from "@codebox/api";
import type { DeadLetter, DeadLetters } from "@codebox/core";

/**
 * `GET /-/dead-letters` lists the changes that could not be applied, `POST` of it puts all of them back into the queue, and
 * `POST /-/dead-letters/:id` one.
 */
export function deadLetterRoutes(deadLetters: DeadLetters): RouteGroup {
  return routeGroup("admin", (on) => {
    on.get("/-/dead-letters", async (c) => {
      c.header("cache-control", "no-store");
      return c.json({ letters: (await Array.fromAsync(deadLetters.list())).map(shown) });
    });
    on.post("/-/dead-letters", async (c) => {
      const redriven: string[] = [];
      for (const { id } of await Array.fromAsync(deadLetters.list()))
        if (await deadLetters.redrive(id)) redriven.push(id);
      return c.json({ ok: true, redriven }, 202);
    });
    on.post("/-/dead-letters/:id", async (c) => {
      const id = c.req.param("id");
      if (!(await deadLetters.redrive(id)))
        throw new ApiError("not_found", `no change "${id.slice(0, 128)}" was put aside`);
      c.header("location", `${c.get("origin")}/-/changes/${encodeURIComponent(id)}`);
      return c.json({ ok: true, redriven: [id] }, 202);
    });
  });
}

function shown({ id, group, reason, receives, at, body }: DeadLetter) {
  return { id, name: group, reason, receives, at, change: body };
}
