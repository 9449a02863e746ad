import { readFile, rename, writeFile } from "node:fs/promises";

/**
 * What a subscriber remembers: the last sequence that it handled of each package, and where it was in a stream.
 *
 * Write one over your own database to save the position in the same transaction as what you do with the event. Then each event has
 * its effect exactly once.
 */
export type Positions = {
  /** The last sequence that was handled of a package; `undefined`: none. */
  sequence(name: string): Promise<number | undefined>;
  /** Called after an event was handled. `cursor`: its place in the stream, where it came by one. */
  save(position: { readonly name: string; readonly sequence: number; readonly cursor?: string }): Promise<void>;
  /** The last cursor that was saved. */
  cursor(): Promise<string | undefined>;
};

/** Packages that `memoryPositions` remembers, by default: some 20 MB. */
const PACKAGES_MAX = 100_000;

/**
 * Positions in memory: after a restart they are gone, and events come again. The least recently changed package gives way.
 *
 * @example createConsumer({ positions: memoryPositions(), handle })
 */
export function memoryPositions({ max = PACKAGES_MAX }: { readonly max?: number } = {}): Positions {
  const sequences = new Map<string, number>();
  let last: string | undefined;
  return {
    sequence: async (name) => sequences.get(name),
    cursor: async () => last,
    async save({ name, sequence, cursor = last }) {
      last = cursor;
      sequences.delete(name);
      sequences.set(name, sequence);
      for (const oldest of sequences.keys()) {
        if (sequences.size <= max) break;
        sequences.delete(oldest);
      }
    },
  };
}

/**
 * Positions in a JSON file, for one process and some thousand packages: it is written whole after each event, and replaced by a rename,
 * so that a crash leaves the old or the new one.
 *
 * @example createConsumer({ positions: await filePositions("events.json"), handle })
 */
export async function filePositions(file: string): Promise<Positions> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  const state = (text === undefined ? { sequences: {} } : JSON.parse(text)) as {
    cursor?: string;
    sequences: Record<string, number>;
  };
  const sequences = new Map(Object.entries(state.sequences));
  let last = state.cursor;
  let writing: Promise<void> = Promise.resolve();
  const write = async () => {
    await writeFile(`${file}.new`, JSON.stringify({ cursor: last, sequences: Object.fromEntries(sequences) }));
    await rename(`${file}.new`, file);
  };
  return {
    sequence: async (name) => sequences.get(name),
    cursor: async () => last,
    save({ name, sequence, cursor = last }) {
      sequences.set(name, sequence);
      last = cursor;
      // One write after the other, also after one that failed.
      writing = writing.then(write, write);
      return writing;
    },
  };
}
