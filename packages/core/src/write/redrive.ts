import { createHash } from "node:crypto";
import { ageOf } from "../domain/age.ts";
import type { DeadLetter, DeadLetters } from "../ports/change-queue.ts";
import type { Clock } from "../ports/clock.ts";

export type RedrivePorts = {
  readonly deadLetters: DeadLetters;
  /** Called with the id of each letter that is back in the queue. */
  readonly onRedriven?: (id: string) => void;
};

export type Redriven = {
  readonly redriven: readonly string[];
  /** Ids that were not found among the dead letters: another redrive may have them. */
  readonly unknown: readonly string[];
};
/** `more`: the run ended before nothing was left to redrive; run it again. */
export type RedrivenAll = Redriven & { readonly more: boolean };

/**
 * Puts the named dead letters back into the queue, behind the changes that wait.
 *
 * @example await redriveLetters({ deadLetters }, ["01J…"]) // { redriven: ["01J…"], unknown: [] }
 * Each id is redriven once. Repeating it is harmless: a change that was applied changes nothing.
 * @throws QueueUnavailable
 */
export async function redriveLetters(
  { deadLetters, onRedriven }: RedrivePorts,
  ids: readonly string[],
): Promise<Redriven> {
  const redriven: string[] = [];
  const unknown: string[] = [];
  for (const id of new Set(ids)) {
    if (await deadLetters.redrive(id)) {
      redriven.push(id);
      onRedriven?.(id);
    } else unknown.push(id);
  }
  return { redriven, unknown };
}

/**
 * Puts all dead letters back into the queue.
 *
 * @example await redriveAll({ deadLetters, clock }, { maxMs: 240_000 }) // { redriven: ["01J…"], unknown: [], more: false }
 *
 * A listing may show only the oldest letters of a message group, so letters are listed until a listing shows nothing new. A letter
 * that fails again during the run comes back: with its own id, or, when its body has none, with a new id and the same body. Neither
 * is redriven twice, and a letter without an id that has the same body as one of an earlier listing is left for the next run.
 * No time of a letter is compared with the clock. A second run continues where the first one ended.
 * @param limits.maxMs no letter is started after so many milliseconds
 * @param limits.signal ends the run after the letter in hand
 * @throws QueueUnavailable
 */
export async function redriveAll(
  { clock, ...ports }: RedrivePorts & { readonly clock: Pick<Clock, "now"> },
  { maxMs, signal }: { readonly maxMs: number; readonly signal?: AbortSignal },
): Promise<RedrivenAll> {
  const start = clock.now().getTime();
  const tried = new Set<string>();
  const triedBodies = new Set<string>();
  const redriven: string[] = [];
  const unknown: string[] = [];
  for (;;) {
    const letters = await Array.fromAsync(ports.deadLetters.list());
    const fresh = letters.filter((letter) => !tried.has(letter.id) && !triedBodies.has(bodyKey(letter)));
    if (fresh.length === 0) return { redriven, unknown, more: false };
    for (const letter of fresh) {
      if (tried.has(letter.id)) continue;
      if (signal?.aborted === true || ageOf(start, clock.now()) >= maxMs) return { redriven, unknown, more: true };
      tried.add(letter.id);
      triedBodies.add(bodyKey(letter));
      const one = await redriveLetters(ports, [letter.id]);
      redriven.push(...one.redriven);
      unknown.push(...one.unknown);
    }
  }
}

function bodyKey({ group, body }: DeadLetter): string {
  return createHash("sha256")
    .update(JSON.stringify([group, body]))
    .digest("hex");
}
