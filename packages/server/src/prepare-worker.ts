import { parentPort } from "node:worker_threads";
import { prepare } from "@codebox/core";
import type { Answer, Question } from "./prepare-thread.ts";

// The thread of `prepare-thread.ts`: one document after the other.
parentPort?.on("message", ({ id, name, bytes, form }: Question) => {
  const preparation = prepare(name, bytes, form);
  const texts = preparation.kind === "prepared" ? [preparation.prepared.sent, preparation.prepared.short] : [];
  const moved = texts.flatMap((text) => (text ? [text.bytes.buffer, text.cuts.buffer, text.spans.buffer] : []));
  parentPort?.postMessage({ id, preparation } satisfies Answer, moved);
});
