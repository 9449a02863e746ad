import { createHash } from "node:crypto";
import { ageOf } from "../domain/age.ts";
import { Change } from "../domain/change.ts";
import { tagChangedSince } from "../domain/stale.ts";
import type { DeadLetter, DeadLetters } from "../ports/change-queue.ts";
import type { Clock } from "../ports/clock.ts";
import type { PackumentReader } from "../read/reader.ts";

export type RedrivePorts = {
  readonly deadLetters: DeadLetters;
  /** Reads the package that a letter changes, to refuse a stale change of its tags. `undefined`: forced, nothing is refused. */
  readonly reader: Pick<PackumentReader, "read"> | undefined;
  /** Called with the id of each letter that is back in the queue. */
  readonly onRedriven?: (id: string) => void;
};

export type Redriven = {
  readonly redriven: readonly string[];
  /** Ids that were not found among the dead letters: another redrive may have them. */
  readonly unknown: readonly string[];
  /** Letters that stay where they are: they would move a tag back. */
  readonly refused: readonly RefusedLetter[];
};
/** `reason` names the tag and when it was changed. */
export type RefusedLetter = { readonly id: string; readonly reason: string };
/** `more`: the run ended before nothing was left to redrive; run it again. */
export type RedrivenAll = Redriven & { readonly more: boolean };

/**
 * Puts the named dead letters back into the queue, behind the changes that wait.
 *
 * @example await redriveLetters({ deadLetters, reader }, ["01J…"]) // { redriven: ["01J…"], unknown: [], refused: [] }
 * Each id is redriven once. Repeating it is harmless: a change that was applied changes nothing. A change of a tag that was
 * changed since is refused, because it would move the tag back.
 * @throws QueueUnavailable, StoreUnavailable
 */
export async function redriveLetters(ports: RedrivePorts, ids: readonly string[]): Promise<Redriven> {
  const done = tally();
  let seen: readonly DeadLetter[] = [];
  for (const id of new Set(ids)) {
    if (ports.reader && !seen.some((letter) => letter.id === id))
      seen = await Array.fromAsync(ports.deadLetters.list());
    const body = seen.find((letter) => letter.id === id)?.body;
    await redriveOne(ports, { id, body }, done);
  }
  return done;
}

type Tally = { redriven: string[]; unknown: string[]; refused: RefusedLetter[] };

const tally = (): Tally => ({ redriven: [], unknown: [], refused: [] });

async function redriveOne(
  { deadLetters, reader, onRedriven }: RedrivePorts,
  { id, body }: Pick<DeadLetter, "id" | "body">,
  done: Tally,
): Promise<void> {
  const reason = reader && (await staleReason(reader, body));
  if (reason !== undefined) done.refused.push({ id, reason });
  else if (await deadLetters.redrive(id)) {
    done.redriven.push(id);
    onRedriven?.(id);
  } else done.unknown.push(id);
}

/** Why a letter must not be applied any more; `undefined` when it may be, also when it is no change. */
async function staleReason(reader: Pick<PackumentReader, "read">, body: unknown): Promise<string | undefined> {
  const parsed = Change.safeParse(body);
  if (!parsed.success) return undefined;
  const found = await reader.read(parsed.data.name);
  const newer = found && tagChangedSince(found.packument, parsed.data);
  if (!newer) return undefined;
  const { tag, record } = newer;
  return `the tag "${tag}" of ${parsed.data.name} was changed at ${record.at}, after this change of ${parsed.data.at}`;
}

/**
 * Puts all dead letters back into the queue.
 *
 * @example await redriveAll({ deadLetters, reader, clock }, { maxMs: 240_000 })
 *
 * A listing may show only the oldest letters of a message group, so letters are listed until a listing shows nothing new. A letter
 * that fails again during the run comes back: with its own id, or, when its body has none, with a new id and the same body. Neither
 * is redriven twice, and a letter without an id that has the same body as one of an earlier listing is left for the next run.
 * No time of a letter is compared with the clock. A second run continues where the first one ended.
 * @param limits.maxMs no letter is started after so many milliseconds
 * @param limits.signal ends the run after the letter in hand
 * @throws QueueUnavailable, StoreUnavailable
 */
export async function redriveAll(
  { clock, ...ports }: RedrivePorts & { readonly clock: Pick<Clock, "now"> },
  { maxMs, signal }: { readonly maxMs: number; readonly signal?: AbortSignal },
): Promise<RedrivenAll> {
  const start = clock.now().getTime();
  const tried = new Set<string>();
  const triedBodies = new Set<string>();
  const done = tally();
  for (;;) {
    const letters = await Array.fromAsync(ports.deadLetters.list());
    const fresh = letters.filter((letter) => !tried.has(letter.id) && !triedBodies.has(bodyKey(letter)));
    if (fresh.length === 0) return { ...done, more: false };
    for (const letter of fresh) {
      if (tried.has(letter.id)) continue;
      if (signal?.aborted === true || ageOf(start, clock.now()) >= maxMs) return { ...done, more: true };
      tried.add(letter.id);
      triedBodies.add(bodyKey(letter));
      await redriveOne(ports, letter, done);
    }
  }
}

function bodyKey({ group, body }: DeadLetter): string {
  return createHash("sha256")
    .update(JSON.stringify([group, body]))
    .digest("hex");
}
