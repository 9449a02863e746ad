import * as z from "zod";
import { jsonIn } from "../domain/json.ts";
import { PackageName } from "../domain/names.ts";
import { publishFields } from "../domain/changes/shared/publishing.ts";
import { stagedContentKey } from "../layout.ts";
import type { ObjectStore } from "../ports/object-store.ts";
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
