import pLimit from "p-limit";
import { parsePackument, stateOf, type Packument } from "../domain/packument.ts";
import { summaryOf } from "../domain/summary.ts";
import { behindOwn, indexKey, packageOfKey } from "../layout.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { IndexedPackage } from "../ports/search-index.ts";
import { pages } from "./pages.ts";

/** What reads the documents, and where one goes that can't be read. */
export type IndexedPorts = {
  readonly store: Pick<ObjectStore, "get" | "list">;
  /** Called once for each damaged document. Its package is left out. */
  readonly onDamaged: (error: SyntaxError) => void;
};

/** Packages that one step of a walk reads. Between two steps of a process that serves others, it serves them. */
const STEP = 20;
/** Documents that are read at a time. */
const READS = 16;

/** A package as the index holds it, from its document. */
export const indexedFrom = (name: string, packument: Packument): IndexedPackage => {
  const summary = summaryOf(packument);
  return { name, sequence: stateOf(packument).sequence, ...(summary ? { summary } : {}) };
};

/**
 * Reads packages for the index.
 *
 * @example await readIndexed({ store, onDamaged }, ["wire"]) // [{ name: "wire", sequence: 7, summary: { … } }]
 * @throws StoreUnavailable
 */
export async function readIndexed(
  { store, onDamaged }: IndexedPorts,
  names: readonly string[],
): Promise<readonly IndexedPackage[]> {
  return pLimit(READS).map(names, (name) =>
    attempted(name, onDamaged, async () => {
      const found = await store.get(indexKey(name));
      return found?.notModified === false ? indexedFrom(name, parsePackument(name, found.bytes)) : { name };
    }),
  );
}

/** A damaged document is reported, and its package is left out of the index. */
export async function attempted(
  name: string,
  onDamaged: (error: SyntaxError) => void,
  read: () => Promise<IndexedPackage>,
): Promise<IndexedPackage> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    onDamaged(new SyntaxError(`${name}/index.json is damaged: ${error.message}`, { cause: error }));
    return { name };
  }
}

/**
 * Every package of a store, a few at a time, in the order of their names.
 *
 * @example await index.rebuild(walkPackages({ store, onDamaged }));
 * @param onProgress called after each step, with how many packages were read and the last one's name.
 * @throws StoreUnavailable
 */
export async function* walkPackages(
  ports: IndexedPorts,
  onProgress?: (count: number, name: string) => void,
): AsyncGenerator<readonly IndexedPackage[]> {
  let count = 0;
  for await (const { objects } of pages(ports.store, "", behindOwn)) {
    const names = objects.flatMap(({ key }) => packageOfKey(key) ?? []);
    for (let at = 0; at < names.length; at += STEP) {
      const step = names.slice(at, at + STEP);
      yield await readIndexed(ports, step);
      count += step.length;
      onProgress?.(count, step.at(-1) ?? "");
    }
  }
}
