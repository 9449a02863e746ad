import type { ObjectPage, ObjectStore } from "../ports/object-store.ts";

/**
 * The pages of a listing, one after the other.
 *
 * @example for await (const { objects } of pages(store, "wire/")) console.log(objects.length);
 * @param next changes the cursor of the next page, to skip keys. Default: the page's own cursor.
 * @throws StoreUnavailable
 */
export async function* pages(
  store: Pick<ObjectStore, "list">,
  prefix: string,
  next: (cursor: string) => string = (cursor) => cursor,
): AsyncGenerator<ObjectPage> {
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await store.list(prefix, cursor);
    yield page;
    cursor = page.cursor === undefined ? undefined : next(page.cursor);
  }
}
