import { isRecord, type DeadLetter, type DeadLetters } from "@codebox/core";
import { CommandError, UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

export type DeadLetterPorts = { readonly deadLetters: DeadLetters; readonly output: Output };

/**
 * Tells every dead letter: what it is, of which package, why it is dead.
 *
 * @example await listDeadLetters({ deadLetters, output });
 * SQS shows at most ten of a package at a time, the oldest.
 */
export async function listDeadLetters({ deadLetters, output }: DeadLetterPorts): Promise<ExitCode> {
  const letters = await Array.fromAsync(deadLetters.list());
  if (output.terminal) {
    const rows = letters.map(({ id, group, body, reason, receives, at }) => ({
      id,
      package: group,
      change: changeOf(body),
      reason: reason.slice(0, 70),
      receives,
      at,
    }));
    if (rows.length > 0) output.table(rows, ["id", "package", "change", "reason", "receives", "at"]);
  } else for (const letter of letters) output.record(letter);
  output.summary({ deadLetters: letters.length });
  return 0;
}

/** Tells one dead letter whole, its body too. 1 when there is none of this id. */
export async function showDeadLetter({ deadLetters, output }: DeadLetterPorts, id: string): Promise<ExitCode> {
  let found: DeadLetter | undefined;
  // To its end: the listing gives back what it has looked at.
  for await (const letter of deadLetters.list()) if (letter.id === id) found ??= letter;
  if (!found) throw missing([id]);
  output.record(found, JSON.stringify(found, null, 2));
  return 0;
}

/**
 * Puts dead letters back into the queue, behind what waits. Redriving a change that was applied after all changes nothing.
 *
 * @example await redriveDeadLetters(ports, { ids: "all", dryRun: false });
 */
export async function redriveDeadLetters(
  { deadLetters, output }: DeadLetterPorts,
  { ids, dryRun }: { readonly ids: readonly string[] | "all"; readonly dryRun: boolean },
): Promise<ExitCode> {
  if (ids !== "all" && ids.length === 0) throw new UsageError("name the dead letters to redrive, or --all");
  if (dryRun) {
    const letters = await Array.fromAsync(deadLetters.list());
    const wanted = letters.filter(({ id }) => ids === "all" || ids.includes(id));
    for (const { id, group } of wanted)
      output.record({ id, package: group, dryRun }, `would redrive ${id} of ${group}`);
    const absent = ids === "all" ? [] : ids.filter((id) => !wanted.some((letter) => letter.id === id));
    return closing(output, wanted.length, absent, dryRun);
  }
  const redriven = new Set<string>();
  const absent: string[] = [];
  const redrive = async (id: string) => {
    if (!(await deadLetters.redrive(id))) return void absent.push(id);
    redriven.add(id);
    output.record({ id, redriven: true }, `redrove ${id}`);
    output.progress(`${redriven.size} redriven …`);
  };
  if (ids !== "all") for (const id of new Set(ids)) await redrive(id);
  else {
    // Once a package's first ten are gone, its next ones come to light. One that fails again at once is not chased.
    for (let more = true; more;) {
      const letters = await Array.fromAsync(deadLetters.list());
      const waiting = letters.map(({ id }) => id).filter((id) => !redriven.has(id) && !absent.includes(id));
      for (const id of waiting) await redrive(id);
      more = waiting.length > 0;
    }
  }
  return closing(output, redriven.size, ids === "all" ? [] : absent, dryRun);
}

function closing(output: Output, redriven: number, absent: readonly string[], dryRun: boolean): ExitCode {
  output.summary({ redriven, unknown: absent.length, dryRun });
  if (absent.length > 0) throw missing(absent);
  return 0;
}

function missing(ids: readonly string[]): CommandError {
  return new CommandError(
    `there is no dead letter ${ids.join(", ")}; "codebox dead-letters list" shows them (at most ten of a package at a time, the oldest)`,
  );
}

function changeOf(body: unknown): string {
  return isRecord(body) && typeof body["type"] === "string" ? body["type"] : "not a change";
}
