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

/** A check that this registry has nothing for. Its message is the reason that is printed. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

export function skip(reason: string): never {
  throw new Skipped(reason);
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
    const reason = error instanceof Error ? error.message : String(error);
    return result(error instanceof Skipped ? "skipped" : "failed", reason);
  }
}
