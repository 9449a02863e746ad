import type { DeadLetter, DeadLetters } from "@codebox/core";
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

export type RedriveAnswer =
  | { readonly letters: readonly DeadLetter[] }
  | { readonly redriven: readonly string[]; readonly unknown: readonly string[] }
  | { readonly error: string };

/** Looks at the dead letters, or puts some back into the queue, behind what waits. Repeating it is harmless. */
export function createRedriveHandler(deadLetters: DeadLetters): (event: unknown) => Promise<RedriveAnswer> {
  return async (event) => {
    const parsed = Request.safeParse(event);
    if (!parsed.success)
      return { error: 'ask for {"action":"list"}, or for {"action":"redrive","ids":["…"]} or "ids":"all"' };
    const request = parsed.data;
    if (request.action === "list") return { letters: await Array.fromAsync(deadLetters.list()) };
    const ids = request.ids === "all" ? await idsOf(deadLetters) : request.ids;
    const redriven: string[] = [];
    const unknown: string[] = [];
    for (const id of ids) ((await deadLetters.redrive(id)) ? redriven : unknown).push(id);
    return { redriven, unknown };
  };
}

async function idsOf(deadLetters: DeadLetters): Promise<string[]> {
  const letters = await Array.fromAsync(deadLetters.list());
  return letters.map(({ id }) => id);
}
