import {
  isRecord,
  redriveAll,
  redriveLetters,
  type Clock,
  type DeadLetter,
  type DeadLetters,
  type PackumentReader,
  type RefusedLetter,
} from "@codebox/core";
import { CommandError, UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

export type DeadLetterPorts = { readonly deadLetters: DeadLetters; readonly output: Output };
export type RedrivePorts = DeadLetterPorts & {
  readonly clock: Pick<Clock, "now">;
  /** Reads the packages, to refuse a stale change of a tag. `undefined`: forced. */
  readonly reader: Pick<PackumentReader, "read"> | undefined;
  /** Aborts when the user presses Ctrl-C. */
  readonly signal: AbortSignal;
};

/** How long `--all` may take, in milliseconds: what fails at once and always must not keep it running. */
const ALL_MS = 60 * 60 * 1000;

/**
 * Lists the dead letters: what each is, of which package, and why it failed.
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

/** Shows one dead letter with its body. 1 when there is none of this id. */
export async function showDeadLetter({ deadLetters, output }: DeadLetterPorts, id: string): Promise<ExitCode> {
  let found: DeadLetter | undefined;
  // To its end: the listing gives back what it has looked at.
  for await (const letter of deadLetters.list()) if (letter.id === id) found ??= letter;
  if (!found) throw missing([id]);
  output.record(found, JSON.stringify(found, null, 2));
  return 0;
}

/**
 * Puts dead letters back into the queue, behind the changes that wait. A change that was applied already changes nothing.
 * A change of a tag that was changed since stays where it is, unless forced, and the command fails.
 *
 * @example await redriveDeadLetters(ports, { ids: "all", dryRun: false });
 */
export async function redriveDeadLetters(
  { deadLetters, reader, output, clock, signal }: RedrivePorts,
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
  let count = 0;
  const onRedriven = (id: string) => {
    output.record({ id, redriven: true }, `redrove ${id}`);
    output.progress(`${++count} redriven …`);
  };
  if (ids !== "all") {
    const { redriven, unknown, refused } = await redriveLetters({ deadLetters, reader, onRedriven }, ids);
    closing(output, redriven.length, unknown, dryRun);
    return allRedriven(refused);
  }
  const { redriven, refused, more } = await redriveAll(
    { deadLetters, reader, clock, onRedriven },
    { maxMs: ALL_MS, signal },
  );
  closing(output, redriven.length, [], dryRun);
  if (more) throw new CommandError("it ended before all dead letters were redriven; run the same command again");
  return allRedriven(refused);
}

function allRedriven(refused: readonly RefusedLetter[]): ExitCode {
  const [first] = refused;
  if (!first) return 0;
  const which = refused.map(({ id }) => id).join(", ");
  throw new CommandError(
    `not redriven: ${which} (${first.reason}). Redriving would move the tag back; --force does so`,
  );
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
