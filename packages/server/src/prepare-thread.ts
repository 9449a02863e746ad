import { Worker } from "node:worker_threads";
import { prepare, UpstreamMalformed, type PackumentForm, type Preparation, type Prepare } from "@codebox/core";

/** Up to here a document is parsed in the caller's own turn, in bytes: it takes some 15 ms, and the thread has its cost too. */
const HERE_BYTES = 512 * 1024;
/** Heap of the thread, in MiB: a document that needs more ends the thread, not the server. The largest known ones have some 100 MB. */
const HEAP_MB = 1_024;
/** A thread that nobody needed for so long is ended, in milliseconds: it takes some 30 MiB. */
const IDLE_MS = 30_000;
/** Beside this file, from the sources and from `npm run build`. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "./prepare-worker.ts" : "./prepare-worker.mjs",
  import.meta.url,
);

export type Question = {
  readonly id: number;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly form: PackumentForm;
};
export type Answer = { readonly id: number; readonly preparation: Preparation };

/**
 * Parses large documents of the upstream in a thread, so that other clients do not wait meanwhile.
 *
 * @example const cache = createUpstreamCache({ ...ports, prepare: createPrepare() }, settings);
 */
export function createPrepare(hereBytes: number = HERE_BYTES): Prepare {
  const waiting = new Map<number, PromiseWithResolvers<Preparation>>();
  let thread: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let questions = 0;
  const start = () => {
    const started = new Worker(WORKER, {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    started.unref();
    started.on("message", ({ id, preparation }: Answer) => {
      waiting.get(id)?.resolve(preparation);
      waiting.delete(id);
      if (waiting.size === 0) idle = setTimeout(() => void started.terminate(), IDLE_MS).unref();
    });
    started.once("error", (cause) => {
      for (const { reject } of waiting.values())
        reject(new UpstreamMalformed(`its document can't be parsed here (${cause.message})`, { cause }));
      waiting.clear();
    });
    started.once("exit", () => {
      if (thread === started) thread = undefined;
    });
    return started;
  };
  return (name, bytes, form) => {
    if (bytes.byteLength <= hereBytes) return prepare(name, bytes, form);
    clearTimeout(idle);
    thread ??= start();
    const question: Question = { id: questions++, name, bytes, form };
    const answer = Promise.withResolvers<Preparation>();
    waiting.set(question.id, answer);
    thread.postMessage(question, []);
    return answer.promise;
  };
}
