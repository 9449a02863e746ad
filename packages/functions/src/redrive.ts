import {
  redriveAll,
  redriveLetters,
  type Clock,
  type DeadLetter,
  type DeadLetters,
  type PackumentReader,
  type Redriven,
  type RedrivenAll,
} from "@codebox/core";
import * as z from "zod";

/**
 * What an operator asks for by hand: `{"action":"list"}`, `{"action":"redrive","ids":["01J…"]}` or `{"action":"redrive","ids":"all"}`.
 * `"force":true` also redrives a change of a tag that was changed since; without it such a letter is in `refused`, with the reason.
 *
 * @example aws lambda invoke --function-name … --payload '{"action":"list"}' --cli-binary-format raw-in-base64-out /dev/stdout
 */
const Request = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("list") }),
  z.strictObject({
    action: z.literal("redrive"),
    ids: z.union([z.literal("all"), z.array(z.string()).min(1)]),
    force: z.boolean().default(false),
  }),
]);

/** No letter is started after so many milliseconds: the function has 300 s, and must answer what it did. */
const ALL_MS = 240_000;

export type RedriveAnswer =
  | { readonly letters: readonly DeadLetter[] }
  | Redriven
  | RedrivenAll
  | { readonly error: string };

/** Looks at the dead letters, or puts some back into the queue, behind what waits. Repeating it is harmless. */
export function createRedriveHandler(
  deadLetters: DeadLetters,
  packuments: Pick<PackumentReader, "read">,
  clock: Pick<Clock, "now">,
): (event: unknown) => Promise<RedriveAnswer> {
  return async (event) => {
    const parsed = Request.safeParse(event);
    if (!parsed.success)
      return { error: 'ask for {"action":"list"}, or for {"action":"redrive","ids":["…"]} or "ids":"all"' };
    const request = parsed.data;
    if (request.action === "list") return { letters: await Array.fromAsync(deadLetters.list()) };
    const ports = { deadLetters, reader: request.force ? undefined : packuments };
    return request.ids === "all"
      ? redriveAll({ ...ports, clock }, { maxMs: ALL_MS })
      : redriveLetters(ports, request.ids);
  };
}
