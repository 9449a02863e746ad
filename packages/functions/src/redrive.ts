import type { Clock, DeadLetter, DeadLetters } from "@codebox/core";
import * as z from "zod";

/**
 * What an operator asks for by hand: `{"action":"list"}`, `{"action":"redrive","ids":["01J…"]}` or `{"action":"redrive","ids":"all"}`.
 *
 * @example aws lambda invoke --function-name … --payload '{"action":"list"}' --cli-binary-format raw-in-base64-out /dev/stdout
 */
const Request = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("list") }),
  z.strictObject({ action: z.literal("redrive"), ids: z.union([z.literal("all"), z.array(z.string()).min(1)]) }),
]);

/** No letter is begun after so many milliseconds: the function has 300 s, and shall answer what it did. */
const ALL_MS = 240_000;

export type Redriven = {
  readonly redriven: readonly string[];
  /** Asked for, or listed, and then not found: another redrive may have it. */
  readonly unknown: readonly string[];
};
export type RedriveAnswer =
  | { readonly letters: readonly DeadLetter[] }
  | Redriven
  /** `more`: the time was up before nothing was left; ask again. */
  | (Redriven & { readonly more: boolean })
  | { readonly error: string };

/** Looks at the dead letters, or puts some back into the queue, behind what waits. Repeating it is harmless. */
export function createRedriveHandler(
  deadLetters: DeadLetters,
  clock: Pick<Clock, "now">,
): (event: unknown) => Promise<RedriveAnswer> {
  return async (event) => {
    const parsed = Request.safeParse(event);
    if (!parsed.success)
      return { error: 'ask for {"action":"list"}, or for {"action":"redrive","ids":["…"]} or "ids":"all"' };
    const request = parsed.data;
    if (request.action === "list") return { letters: await Array.fromAsync(deadLetters.list()) };
    return request.ids === "all" ? redriveAll(deadLetters, clock) : redrive(deadLetters, request.ids);
  };
}

async function redrive(deadLetters: DeadLetters, ids: readonly string[]): Promise<Redriven> {
  const redriven: string[] = [];
  const unknown: string[] = [];
  for (const id of ids) ((await deadLetters.redrive(id)) ? redriven : unknown).push(id);
  return { redriven, unknown };
}

/**
 * A listing shows at most ten letters of a message group, so it is repeated until it shows none that was there at the start.
 * What fails again meanwhile comes back, by another id where its body has none, and would otherwise be put back without end.
 */
async function redriveAll(
  deadLetters: DeadLetters,
  clock: Pick<Clock, "now">,
): Promise<Redriven & { readonly more: boolean }> {
  const start = clock.now().getTime();
  const tried = new Set<string>();
  const redriven: string[] = [];
  const unknown: string[] = [];
  for (;;) {
    const letters = await Array.fromAsync(deadLetters.list());
    const fresh = letters.filter(({ id, at }) => !tried.has(id) && Date.parse(at) <= start);
    if (fresh.length === 0) return { redriven, unknown, more: false };
    for (const id of new Set(fresh.map((letter) => letter.id))) {
      if (clock.now().getTime() >= start + ALL_MS) return { redriven, unknown, more: true };
      tried.add(id);
      const one = await redrive(deadLetters, [id]);
      redriven.push(...one.redriven);
      unknown.push(...one.unknown);
    }
  }
}
