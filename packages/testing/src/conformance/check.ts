import { Skipped } from "./skip.ts";
import type { Registry } from "./registry.ts";

/** One test of one or more rules of PROTOCOL.md, over a registry's URL. */
export type Check = {
  /** The rules, as PROTOCOL.md names them: `TAG-3`. */
  readonly ids: readonly string[];
  readonly title: string;
  /** Throws when a rule does not hold, and `Skipped` when the registry cannot be checked for it. */
  readonly run: (registry: Registry) => Promise<void>;
};

export type Result = {
  readonly ids: readonly string[];
  readonly title: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly reason?: string;
  readonly milliseconds: number;
};

/** @example check("TAG-1 TAG-2", "the tags are listed", async (registry) => { … }) */
export function check(ids: string, title: string, run: Check["run"]): Check {
  return { ids: ids.split(" "), title, run };
}

/** Runs one check. Never throws. */
export async function runCheck({ ids, title, run }: Check, registry: Registry): Promise<Result> {
  const started = performance.now();
  const result = (outcome: Result["outcome"], reason?: string): Result => ({
    ids,
    title,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    milliseconds: Math.round(performance.now() - started),
  });
  try {
    await run(registry);
    return result("passed");
  } catch (error) {
    return result(error instanceof Skipped ? "skipped" : "failed", reasonOf(error));
  }
}

/** The message, with that of its cause: `fetch` says only "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reasonOf(error.cause)})`;
}
