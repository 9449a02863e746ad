import * as z from "zod";
import { isoOf, millisecondsOf } from "../domain/instants.ts";
import { jsonIn } from "../domain/json.ts";
import { RELEASE_OPEN_MS } from "../domain/limits.ts";
import { ReleaseId } from "../domain/names.ts";
import { releaseKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore, type StoredObject } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

const Stored = z.looseObject({
  schema: z.literal(1),
  id: ReleaseId,
  state: z.enum(["open", "committed", "aborted"]),
  /** When it was opened, and until when it may stay open, ISO 8601 in UTC. */
  at: z.string(),
  until: z.string(),
  actor: z.object({ kind: z.enum(["user", "workload", "service"]), name: z.string() }),
  /** The process that makes it, where no other one does: once it has ended, nobody commits the release. */
  host: z.string().optional(),
  /** Package → the id of its change. */
  changes: z.record(z.string(), z.string()),
  /** Why it was aborted. */
  reason: z.string().optional(),
});

/**
 * The record of a release. `state` leaves "open" once, by a conditional write: it decides for all packages.
 *
 * @example { schema: 1, id: "01J…", state: "committed", at: "…", until: "…", actor: { kind: "user", name: "alice" }, changes: { wire: "01J….0" } }
 */
export type ReleaseRecord = z.infer<typeof Stored>;
export type ReleaseState = ReleaseRecord["state"];

/** The records of releases. Every method throws `StoreUnavailable`, and can be repeated. */
export type Releases = {
  /** The record; `undefined`: there is none, which counts as aborted. */
  find(id: string): Promise<ReleaseRecord | undefined>;
  /** Opens a release; the present record when there is one of this id. */
  open(release: Pick<ReleaseRecord, "id" | "actor" | "changes" | "host">): Promise<ReleaseRecord>;
  /** Decides a release that is open. The record as it is then: it may have been decided before. */
  decide(id: string, state: Exclude<ReleaseState, "open">, reason?: string): Promise<ReleaseRecord | undefined>;
};

/**
 * Opens the records of releases, one object each.
 *
 * @example (await createReleases({ store, clock }).decide("01J…", "committed"))?.state // "committed", or "aborted" when that came first
 */
export function createReleases({
  store,
  clock,
}: {
  readonly store: Pick<ObjectStore, "get" | "put">;
  readonly clock: Pick<Clock, "now" | "sleep">;
}): Releases {
  const update = async (id: string, mutate: (found: ReleaseRecord | undefined) => ReleaseRecord | undefined) => {
    const key = releaseKey(id);
    const updated = await updateObject({ store, clock }, key, {
      read: () => readObject(store, key),
      mutate(found: StoredObject | undefined) {
        const before = found && recordIn(found.bytes);
        const after = mutate(before);
        if (after === undefined || after === before) return { result: before };
        return { result: after, bytes: Buffer.from(JSON.stringify(after)) };
      },
    });
    if (!updated.ok) throw new StoreUnavailable(`the record of the release ${id} is being written by others`);
    return updated.result;
  };
  return {
    find: (id) => readRelease(store, id),
    async open(release) {
      const at = clock.now().getTime();
      const fresh: ReleaseRecord = {
        schema: 1,
        state: "open",
        ...release,
        at: isoOf(at),
        until: isoOf(at + RELEASE_OPEN_MS),
      };
      return (await update(release.id, (found) => found ?? fresh)) ?? fresh;
    },
    decide: (id, state, reason) =>
      update(id, (found) =>
        found?.state === "open" ? { ...found, state, ...(reason === undefined ? {} : { reason }) } : found,
      ),
  };
}

/** Reads a release's record; `undefined`: there is none. @throws StoreUnavailable */
export async function readRelease(store: Pick<ObjectStore, "get">, id: string): Promise<ReleaseRecord | undefined> {
  const found = await readObject(store, releaseKey(id));
  return found && recordIn(found.bytes);
}

/**
 * Whether nobody will commit a release that is open: it has been so for too long, or its process has ended.
 *
 * @param host the one process that makes releases; absent: there may be several
 */
export function isAbandoned({ state, until, host: maker }: ReleaseRecord, now: Date, host?: string): boolean {
  return state === "open" && (now.getTime() > millisecondsOf(until) || (host !== undefined && maker !== host));
}

function recordIn(bytes: Uint8Array): ReleaseRecord {
  return Stored.parse(jsonIn(bytes));
}
