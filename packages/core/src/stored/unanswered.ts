import { jsonIn } from "../domain/json.ts";
import * as z from "zod";
import { sha256Hex } from "../domain/digest.ts";
import { PUBLISH_RETRY_MS } from "../domain/limits.ts";
import { unansweredKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { readObject } from "../write/update-object.ts";

/** The id of a publish's change, and a digest of what it publishes. */
export type Unanswered = { readonly id: string; readonly digest: string };
/** Whose publish of which version it is. */
export type PublishKey = { readonly user: string; readonly name: string; readonly version: string };

const Stored = z.object({ id: z.string(), digest: z.string(), until: z.number() });

/** Publishes whose answer may not have reached their client. Every method throws `StoreUnavailable`, and can be repeated. */
export type UnansweredPublishes = {
  find(key: PublishKey): Promise<Unanswered | undefined>;
  put(key: PublishKey, unanswered: Unanswered): Promise<void>;
  remove(key: PublishKey): Promise<void>;
};

/**
 * Keeps such publishes in the store for `PUBLISH_RETRY_MS`, so that any process recognises them when they are sent again.
 *
 * @example await unanswered.put({ user: "alice", name: "wire", version: "1.0.0" }, { id: "018f…", digest: "x7jG…" })
 */
export function createUnansweredPublishes({
  store,
  clock,
}: {
  readonly store: Pick<ObjectStore, "get" | "put" | "delete">;
  readonly clock: Pick<Clock, "now">;
}): UnansweredPublishes {
  const now = () => clock.now().getTime();
  const at = ({ user, name, version }: PublishKey) => unansweredKey(sha256Hex(JSON.stringify([user, name, version])));
  return {
    async find(key) {
      const found = await readObject(store, at(key));
      if (!found) return undefined;
      const { id, digest, until } = Stored.parse(jsonIn(found.bytes));
      return until > now() ? { id, digest } : undefined;
    },
    async put(key, unanswered) {
      await store.put(at(key), Buffer.from(JSON.stringify({ ...unanswered, until: now() + PUBLISH_RETRY_MS })));
    },
    async remove(key) {
      await store.delete(at(key));
    },
  };
}
