/** What a service takes in one request. */
export type BatchLimits = {
  readonly entries: number;
  readonly bytes: number;
};

/**
 * Cuts entries, in order, into batches within both limits. An entry larger than `bytes` gets a batch of its own.
 *
 * @example batchesOf(["aa", "b", "c"], { entries: 10, bytes: 3 }, (text) => text.length) // [["aa", "b"], ["c"]]
 */
export function batchesOf<Entry>(
  entries: readonly Entry[],
  limits: BatchLimits,
  bytesOf: (entry: Entry) => number,
): Entry[][] {
  const batches: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = bytesOf(entry);
    const current = batches.at(-1);
    if (current && current.length < limits.entries && bytes + size <= limits.bytes) {
      current.push(entry);
      bytes += size;
    } else {
      batches.push([entry]);
      bytes = size;
    }
  }
  return batches;
}
