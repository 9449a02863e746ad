import type { ObjectPage, ObjectStore } from "../ports/object-store.ts";

/** A page, and the cursor that fetched it; the first page has none. */
export type FetchedPage<Page, Cursor> = { readonly page: Page; readonly from: Cursor | undefined };
export type PagesOptions<Cursor> = {
  /** Where to begin. Default: at the first page. */
  readonly from?: Cursor | undefined;
  /** Changes the cursor of the next page, to skip keys. Default: the page's own cursor. */
  readonly next?: (cursor: Cursor) => Cursor;
};

/**
 * The pages of any listing with cursors, one after the other. No page is fetched before the one before it is handled.
 *
 * @example for await (const { page } of pagesOf((cursor) => maintenance.versions(cursor))) console.log(page.versions.length);
 * @throws what `fetch` throws
 */
export async function* pagesOf<Page extends { readonly cursor?: Cursor }, Cursor>(
  fetch: (cursor: Cursor | undefined) => Promise<Page>,
  { from, next = (cursor) => cursor }: PagesOptions<Cursor> = {},
): AsyncGenerator<FetchedPage<Page, Cursor>> {
  for (let cursor = from, more = true; more; more = cursor !== undefined) {
    const page = await fetch(cursor);
    yield { page, from: cursor };
    cursor = page.cursor === undefined ? undefined : next(page.cursor);
  }
}

/**
 * The pages of a store's objects under a prefix, one after the other.
 *
 * @example for await (const { objects } of pages(store, "wire/")) console.log(objects.length);
 * @throws StoreUnavailable
 */
export async function* pages(
  store: Pick<ObjectStore, "list">,
  prefix: string,
  next: (cursor: string) => string = (cursor) => cursor,
): AsyncGenerator<ObjectPage> {
  for await (const { page } of pagesOf((cursor: string | undefined) => store.list(prefix, cursor), { next }))
    yield page;
}
