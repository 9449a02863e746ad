import { LRUCache } from "lru-cache";
import * as z from "zod";
import { jsonIn } from "../domain/json.ts";
import { PackageName } from "../domain/names.ts";
import { publishFields } from "../domain/changes/shared/publishing.ts";
import { LAYOUT, stagedContentKey } from "../layout.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { pages } from "../read/pages.ts";
import { readObject } from "../write/update-object.ts";

const StoredContent = z.strictObject({ schema: z.literal(1), name: PackageName, ...publishFields });

/** What the approval of a staged version publishes. */
export type StoredContent = Omit<z.infer<typeof StoredContent>, "schema">;

/** Stores what the approval of a staged version publishes. Its digest is in the package, so a later alteration is refused. */
export async function putStagedContent(
  { store }: { readonly store: Pick<ObjectStore, "put"> },
  id: string,
  content: StoredContent,
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ schema: 1, ...content }));
  await store.put(stagedContentKey(id), bytes, { contentType: "application/json" });
}

/** What the approval of a staged version publishes; `undefined`: nothing is staged under this id. @throws StoreUnavailable */
export async function stagedContent(
  { store }: { readonly store: Pick<ObjectStore, "get"> },
  id: string,
): Promise<StoredContent | undefined> {
  const found = await readObject(store, stagedContentKey(id));
  if (!found) return undefined;
  const { schema: _, ...content } = StoredContent.parse(jsonIn(found.bytes));
  return content;
}

/** Ids of which a process remembers the package. Each is read once; more than this are read again. */
const REMEMBERED = 10_000;

/**
 * Lists the names of all packages with staged versions; some may have been approved or rejected, or may have expired.
 *
 * @example const stagedNames = createStagedNames({ store }); await stagedNames() // ["@acme/wire"]
 * @throws StoreUnavailable
 */
export function createStagedNames({ store }: { readonly store: Pick<ObjectStore, "get" | "list"> }) {
  const names = new LRUCache<string, string>({ max: REMEMBERED });
  return async (): Promise<readonly string[]> => {
    const found = new Set<string>();
    for await (const { objects } of pages(store, LAYOUT.staged.prefix)) {
      for (const { key } of objects) {
        if (!key.endsWith(".json")) continue;
        const id = key.slice(LAYOUT.staged.prefix.length, -".json".length);
        const name = names.get(id) ?? (await stagedContent({ store }, id))?.name;
        if (name === undefined) continue;
        names.set(id, name);
        found.add(name);
      }
    }
    return [...found];
  };
}
