import { ApiError, routeGroup, type RouteGroup } from "@codebox/api";
import {
  redriveAll,
  redriveLetters,
  type Clock,
  type DeadLetter,
  type DeadLetters,
  type PackumentReader,
} from "@codebox/core";

/** No letter is started after so many milliseconds: a client waits for the answer. */
const ALL_MS = 20_000;

/**
 * `GET /-/dead-letters` lists the changes that could not be applied, `POST` of it puts all of them back into the queue, and
 * `POST /-/dead-letters/:id` one. `"more": true` in the answer: the time was up before all were redriven; send the request again.
 *
 * A change of a tag that was changed since is refused with its reason: `refused` in the answer, or 409. `?force=true` redrives it.
 */
export function deadLetterRoutes(
  deadLetters: DeadLetters,
  packuments: Pick<PackumentReader, "read">,
  clock: Pick<Clock, "now">,
): RouteGroup {
  return routeGroup("admin", (on) => {
    on.get("/-/dead-letters", async (c) => {
      c.header("cache-control", "no-store");
      return c.json({ letters: (await Array.fromAsync(deadLetters.list())).map(shown) });
    });
    on.post("/-/dead-letters", async (c) => {
      const reader = c.req.query("force") === "true" ? undefined : packuments;
      const { redriven, refused, more } = await redriveAll({ deadLetters, reader, clock }, { maxMs: ALL_MS });
      c.get("audit")({ kind: "operation", what: "redrove all dead letters" });
      const rest = { ...(refused.length > 0 ? { refused } : {}), ...(more ? { more } : {}) };
      return c.json({ ok: true, redriven, ...rest }, 202);
    });
    on.post("/-/dead-letters/:id", async (c) => {
      const id = c.req.param("id");
      const reader = c.req.query("force") === "true" ? undefined : packuments;
      const { unknown, refused } = await redriveLetters({ deadLetters, reader }, [id]);
      const [stale] = refused;
      if (stale)
        throw new ApiError(
          "conflict",
          `${stale.reason}; redriving it would move the tag back: add ?force=true to do so`,
        );
      if (unknown.length > 0) throw new ApiError("not_found", `there is no dead letter "${id.slice(0, 128)}"`);
      c.get("audit")({ kind: "operation", what: `redrove the dead letter ${id}` });
      c.header("location", `${c.get("origin")}/-/changes/${encodeURIComponent(id)}`);
      return c.json({ ok: true, redriven: [id] }, 202);
    });
  });
}

function shown({ id, group, reason, receives, at, body }: DeadLetter) {
  return { id, name: group, reason, receives, at, change: body };
}
