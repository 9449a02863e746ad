import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";

/** Attempts before the store counts as unavailable, and the first pause between two, in milliseconds. Each pause is twice the one before. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 20;

export type UpdateOptions = { readonly clock: Pick<Clock, "sleep">; readonly contentType?: string };

/**
 * Reads an object, changes it and writes it on the condition that nobody else wrote it meanwhile; otherwise it tries again.
 *
 * @example await updateObject(store, key, (bytes) => (bytes ? undefined : encode(first)), { clock });
 * @param mutate makes the new bytes of the present ones (`undefined`: no object), or returns `undefined` to leave it as it is. It may be called several times.
 * @throws StoreUnavailable when other writers win every time, or the store does not answer.
 */
export async function updateObject(
  store: Pick<ObjectStore, "get" | "put">,
  key: string,
  mutate: (present: Uint8Array | undefined) => Uint8Array | undefined,
  { clock, ...options }: UpdateOptions,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    const found = await store.get(key);
    const present = found?.modifiedSince ? found : undefined;
    const bytes = mutate(present?.bytes);
    if (bytes === undefined) return;
    const condition = present ? { ifMatch: present.etag } : { ifNoneMatch: "*" as const };
    const written = await store.put(key, bytes, { condition, ...options });
    if (written.ok) return;
  }
  throw new StoreUnavailable(`${key} is being written by somebody else`);
}
