import * as z from "zod";
import { WHY_MAX } from "./limits.ts";

/**
 * Why a change was made, as its sender says. It is kept in the history and decides nothing.
 *
 * @example { command: "dist-tag", message: "roll back, see incident 12", run: "https://ci.acme.example/runs/7" }
 *
 * - `command`: the client's command, as npm sends it in `npm-command`.
 * - `message`: a person's words.
 * - `run`: the CI run, as a URL or by the name of the CI system.
 */
export const Why = z
  .strictObject({
    command: text("command").optional(),
    message: text("message").optional(),
    run: text("run").optional(),
  })
  .meta({
    id: "Why",
    description: "Why the change was made: a command, a person's words, a CI run. It is kept in the history.",
  });
/** Why a change was made. */
export type Why = z.infer<typeof Why>;

function text(field: keyof typeof WHY_MAX) {
  return z.string().min(1).max(WHY_MAX[field], `why.${field} has at most ${WHY_MAX[field]} characters`);
}
