import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchesOf } from "../src/batches.ts";

const LIMITS = { entries: 3, bytes: 10 };
const cut = (sizes: readonly number[]) => batchesOf(sizes, LIMITS, (size) => size);
const total = (batch: readonly number[]) => batch.reduce((sum, size) => sum + size, 0);

describe("batches", () => {
  test("hold at most so many entries", () => expect(cut([1, 1, 1, 1])).toEqual([[1, 1, 1], [1]]));
  test("hold at most so many bytes", () => expect(cut([4, 6, 1])).toEqual([[4, 6], [1]]));
  test("an entry above the limit has a batch of its own", () => expect(cut([1, 11, 1])).toEqual([[1], [11], [1]]));
  test("there is none for no entries", () => expect(cut([])).toEqual([]));
  test("keep every entry in its order, and both limits", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12)), (sizes) => {
        const batches = cut(sizes);
        expect(batches.flat()).toEqual(sizes);
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(LIMITS.entries);
          if (batch.length > 1) expect(total(batch)).toBeLessThanOrEqual(LIMITS.bytes);
        }
      }),
    );
  });
});
