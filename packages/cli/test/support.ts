import type { ObjectStore } from "@codebox/core";
import type { Checkpoint, Progress } from "../src/checkpoint.ts";
import { createOutput, type Output } from "../src/output.ts";

export type Recorded = Output & {
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly notes: string[];
};

/** An output as behind a pipe, and what it got. */
export function pipe(): Recorded {
  const lines: Record<string, unknown>[] = [];
  const notes: string[] = [];
  const sinks = {
    stdout: { isTTY: false, write: (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>) },
    stderr: { write: (text: string) => notes.push(text) },
  };
  return { ...createOutput(sinks, {}), lines, notes };
}

/** A checkpoint in memory, with every save that was made. */
export function memoryCheckpoint(
  start?: Progress,
): Checkpoint & { readonly saves: Progress[]; stored(): Progress | undefined } {
  let stored = start;
  const saves: Progress[] = [];
  return {
    saves,
    stored: () => stored,
    load: async () => stored,
    save: async (progress) => {
      stored = progress;
      saves.push(progress);
    },
    clear: async () => {
      stored = undefined;
    },
  };
}

/** The store, with so few objects in a page. */
export function smallPages(store: ObjectStore, size: number): ObjectStore & { readonly pages: () => number } {
  let pages = 0;
  return {
    ...store,
    pages: () => pages,
    async list(prefix, cursor) {
      pages++;
      const page = await store.list(prefix, cursor);
      const objects = page.objects.slice(0, size);
      const last = objects.at(-1);
      return page.objects.length > size && last ? { objects, cursor: last.key } : { ...page, objects };
    },
  };
}

export const never = new AbortController().signal;
