import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SYNCS = 101;
/** About as much as a tag change writes: the package's document, and a few rows. */
const BYTES = 96 * 1024;

/** Median time in milliseconds that the disk needs to write and sync a change's bytes. A durable answer takes at least this long. */
export async function syncMs(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "bench-disk-"));
  const file = await open(join(folder, "file"), "w");
  const times: number[] = [];
  try {
    const bytes = Buffer.alloc(BYTES, 1);
    for (let sync = 0; sync < SYNCS; sync++) {
      const started = performance.now();
      await file.write(bytes);
      await file.datasync();
      times.push(performance.now() - started);
    }
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
  return times.toSorted((a, b) => a - b)[Math.floor(SYNCS / 2)] ?? Number.NaN;
}
