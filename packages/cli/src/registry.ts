import { ageOf, isRecord, type Clock } from "@codebox/core";
import npmFetch from "npm-registry-fetch";
import { CommandError } from "./errors.ts";

/** npm's settings as its own libraries take them. */
export type Options = Readonly<Record<string, unknown>>;

/** For so long a change that is queued is watched, in milliseconds. */
const WATCH_MS = 5 * 60_000;

/** What waiting for a queued change needs. */
export type Watching = { readonly options: Options; readonly clock: Clock; readonly signal: AbortSignal };

/**
 * Waits until a change that was answered with 202 is applied; any other answer is returned at once.
 *
 * @example await applied(answer, "wire@1.0.0", { options, clock, signal })
 * @returns the change's status when it had to wait, else `undefined`: the answer itself says it
 * @throws CommandError when the change is refused, or takes too long
 */
export async function applied(
  answer: Pick<Awaited<ReturnType<typeof npmFetch>>, "status" | "headers">,
  what: string,
  { options, clock, signal }: Watching,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (answer.status !== 202) return undefined;
  const status = answer.headers.get("location") ?? "";
  const start = clock.now().getTime();
  while (ageOf(start, clock.now()) < WATCH_MS && !signal.aborted) {
    await clock.sleep(1_000, signal);
    const outcome = await (await npmFetch(status, options)).json();
    if (!isRecord(outcome)) continue;
    if (outcome["state"] === "applied") return outcome;
    if (outcome["state"] === "rejected") throw new CommandError(`${what} was refused: ${String(outcome["error"])}`);
  }
  throw new CommandError(`${what} is accepted and queued, but not applied yet; its status: ${status}`);
}

/** What the registry said, in its own words where it has some. */
export function refusal(error: unknown): unknown {
  if (!isRecord(error) || typeof error["statusCode"] !== "number") return error;
  const body = isRecord(error["body"]) ? error["body"] : {};
  const said = typeof body["error"] === "string" ? body["error"] : String(error["message"]);
  const hint = error["statusCode"] === 401 ? '. Put a token into .npmrc ("codebox token add" makes one)' : "";
  return new CommandError(`the registry refused it (${error["statusCode"]}): ${said}${hint}`, { cause: error });
}
