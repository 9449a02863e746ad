import { pagesOf, isOwnKey, packageOfKey, type ObjectInfo, type ObjectStore } from "@codebox/core";
import type { Checkpoint, Position, Totals } from "./checkpoint.ts";
import { explain, Interrupted, isAboutOneObject } from "./errors.ts";

export type Placed = { readonly object: ObjectInfo; readonly position: Position };

/**
 * Every object of a store, page after page, in the order of its keys; behind a position when one is given.
 *
 * @example for await (const { object } of walkObjects(store)) …
 */
export async function* walkObjects(store: Pick<ObjectStore, "list">, from?: Position): AsyncGenerator<Placed> {
  const list = (cursor: string | undefined) => store.list("", cursor);
  for await (const { page, from: cursor } of pagesOf(list, { from: from?.cursor })) {
    for (const object of page.objects) {
      if (from && compareKeys(object.key, from.key) <= 0) continue;
      yield { object, position: { ...(cursor === undefined ? {} : { cursor }), key: object.key } };
    }
  }
}

/** The documents of a walk: an object that is none, a tarball say, is no work. */
export async function* walkDocuments(store: Pick<ObjectStore, "list">, from?: Position): AsyncGenerator<Placed> {
  for await (const placed of walkObjects(store, from)) if (packageOfKey(placed.object.key) !== undefined) yield placed;
}

/** Objects of one folder, which a listing has beside each other: all that belongs to a package. */
export type Folder = { readonly path: string; readonly objects: readonly ObjectInfo[]; readonly position: Position };

/** The objects of a walk by folder: `@acme/wire/1.0.0.tgz` and `@acme/wire/index.json` together. */
export async function* byFolder(walk: AsyncIterable<Placed>): AsyncGenerator<Folder> {
  let folder: { path: string; objects: ObjectInfo[]; position: Position } | undefined;
  for await (const { object, position } of walk) {
    const path = folderOf(object.key);
    if (folder && (folder.path !== path || isFull(folder))) {
      yield folder;
      folder = undefined;
    }
    folder ??= { path, objects: [], position };
    folder.objects.push(object);
    folder.position = position;
  }
  if (folder) yield folder;
}

/** Our own objects do not belong together as a package's do: a folder of many is worked through piece by piece. */
function isFull({ path, objects }: { readonly path: string; readonly objects: readonly unknown[] }): boolean {
  return isOwnKey(path) && objects.length >= OWN_OBJECTS_AT_ONCE;
}
const OWN_OBJECTS_AT_ONCE = 250;

function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

/** S3 lists keys in the order of their UTF-8 bytes. */
function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export type WalkOptions<Item> = {
  readonly items: (from: Position | undefined) => AsyncIterable<Item & { readonly position: Position }>;
  readonly checkpoint: Checkpoint;
  /** Items that are worked on at a time. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Works on one item, and returns what to add to the totals. What it throws ends the walk, except what `refused` handles. */
  readonly work: (item: Item) => Promise<Totals>;
  /** Called for an item whose objects S3 refused; the walk continues after it. */
  readonly refused: (item: Item, problem: string) => Totals;
  /** Called after each batch. */
  readonly onProgress: (totals: Totals, key: string) => void;
};

export type Walked = {
  readonly totals: Totals;
  /** Whether it continued where an earlier run had stopped. */
  readonly resumed: boolean;
};

/**
 * Works through a listing with a checkpoint: a few items at a time, and the last key done saved after them.
 *
 * An item is done whole or not at all, so that whatever ends the process, the next run begins with the first item that is not done.
 * @throws Interrupted when the signal aborts, once what is under way is done and saved.
 */
export async function walk<Item>(options: WalkOptions<Item>): Promise<Walked> {
  const { items, checkpoint, concurrency, signal, onProgress } = options;
  const work = async (item: Item): Promise<Totals> => {
    try {
      return await options.work(item);
    } catch (error) {
      if (!isAboutOneObject(error)) throw error;
      return options.refused(item, explain(error));
    }
  };
  const before = await checkpoint.load();
  let totals: Totals = before?.totals ?? {};
  let batch: (Item & { readonly position: Position })[] = [];
  const flush = async () => {
    const last = batch.at(-1);
    if (!last) return;
    // All of them come to their end, also when one fails: nothing continues behind the command's back.
    const results = await Promise.allSettled(batch.map(work));
    for (const result of results) {
      if (result.status === "rejected") throw result.reason;
      totals = added(totals, result.value);
    }
    batch = [];
    await checkpoint.save({ position: last.position, totals });
    onProgress(totals, last.position.key);
  };
  for await (const item of items(before?.position)) {
    batch.push(item);
    if (batch.length >= concurrency) await flush();
    if (signal.aborted)
      throw new Interrupted("interrupted; what was done is saved. Run the same command again to continue from there");
  }
  await flush();
  await checkpoint.clear();
  return { totals, resumed: before !== undefined };
}

function added(totals: Totals, more: Totals): Totals {
  const sum: Record<string, number> = { ...totals };
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
