import { HISTORY_SEGMENT, historyOfKey, sha256Hex, type ObjectStore } from "@codebox/core";
import * as z from "zod";
import { error, type Finding } from "./finding.ts";

const Segment = z.looseObject({
  name: z.string(),
  records: z.array(z.looseObject({ id: z.string(), sequence: z.int().positive() })).min(1),
});

const FIX = "bring the object's former version back (aws s3api list-object-versions); the history is written once";

/** What is wrong with an object of a package's history: records out of place or out of order, or a detail that was altered. */
export async function historyFindings(store: ObjectStore, key: string): Promise<readonly Finding[]> {
  const found = await store.get(key);
  if (found?.notModified !== false) return [];
  const problem = problemOf(key, found.bytes);
  return problem === undefined ? [] : [error("history-damaged", key, problem, FIX)];
}

function problemOf(key: string, bytes: Uint8Array): string | undefined {
  const place = historyOfKey(key);
  if (!place) return "its key is not that of a history object";
  if ("sha256" in place) {
    const digest = sha256Hex(bytes);
    return digest === place.sha256 ? undefined : `its bytes have the sha256 ${digest}`;
  }
  const segment = parsed(bytes);
  if (!segment) return "it is not a history object";
  if (segment.name !== place.name) return `it has the history of ${segment.name}`;
  const sequences = segment.records.map(({ sequence }) => sequence);
  if (sequences.some((sequence) => sequence < place.first || sequence >= place.first + HISTORY_SEGMENT))
    return `it has records that do not belong to ${place.first} to ${place.first + HISTORY_SEGMENT - 1}`;
  return sequences.every((sequence, index) => sequence >= (sequences[index - 1] ?? 0))
    ? undefined
    : "its records are not in order";
}

function parsed(bytes: Uint8Array): z.infer<typeof Segment> | undefined {
  try {
    return Segment.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}
