import type { Name } from "./contenders.ts";

type Unit = "req/s" | "ms" | "s" | "MiB";

export type Value = {
  readonly figure: number;
  /** Of single requests, in milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  readonly failed?: number;
};

/** One line of a table: the same operation, measured for each server that has it. */
export type Row = {
  readonly title: string;
  readonly unit: Unit;
  readonly values: Partial<Record<Name, Value>>;
  /** Rows with the same series differ in their size only, so that the growth of the cost can be computed. */
  readonly series?: { readonly name: string; readonly size: number };
};

export type Context = {
  readonly quick: boolean;
  /** Duration of the measurement of one rate, in seconds. */
  readonly seconds: number;
  /** Where nginx is, if it is installed. */
  readonly nginx: string | undefined;
  say(text: string): void;
};

export type Part = { readonly title: string; readonly about: string; run(context: Context): Promise<readonly Row[]> };

/** Median of the milliseconds that an operation takes: at most `count` times, and no further one after `limitMs`. */
export async function medianMs(
  count: number,
  limitMs: number,
  operation: (index: number) => Promise<void>,
): Promise<Value> {
  const times: number[] = [];
  const began = performance.now();
  for (let index = 0; index < count && (index === 0 || performance.now() - began < limitMs); index++) {
    const started = performance.now();
    await operation(index);
    times.push(performance.now() - started);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN);
  return { figure: at(0.5), p99: at(0.99) };
}

/** Three digits are as many as such a measurement has. */
export function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Calls `operation` for each item, so many at a time. */
export async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  operation: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of left) await operation(item);
    }),
  );
}
