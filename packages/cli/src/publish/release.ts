import { isRecord, type Clock, type Ids } from "@codebox/core";
import npmFetch from "npm-registry-fetch";
import { CommandError } from "../errors.ts";
import { headersOf, type Reason } from "../package-client.ts";
import { refusal, type Options } from "../registry.ts";

/** Tries of a release, the first included. The key makes the registry recognise a release that it has made already. */
const ATTEMPTS = 4;

/**
 * Sends a release and returns its id; `undefined` for a dry run.
 *
 * @throws CommandError when the registry refuses it, or does not answer
 */
export async function sendRelease(
  { clock, ids, signal }: { readonly clock: Clock; readonly ids: Ids; readonly signal: AbortSignal },
  options: Options,
  body: { readonly packages: readonly object[]; readonly dryRun: boolean },
  why: Reason,
): Promise<string | undefined> {
  const headers = { ...headersOf(why), "idempotency-key": ids.next() };
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await npmFetch("/-/v1/releases", { ...options, method: "POST", body, headers, signal });
      const said = await answer.json();
      if (!isRecord(said) || said["ok"] !== true)
        throw new CommandError("the registry's answer is none of codebox's; is the registry's URL right?");
      return typeof said["release"] === "string" ? said["release"] : undefined;
    } catch (error) {
      if (signal.aborted || attempt === ATTEMPTS || !isPassing(error)) throw refusal(error);
      await clock.sleep(2 ** attempt * 500, signal);
    }
  }
}

/** Whether a later try may succeed: the registry did not answer, or says that it can't right now. */
function isPassing(error: unknown): boolean {
  if (error instanceof CommandError || !isRecord(error)) return false;
  const status = error["statusCode"];
  return status === undefined || (typeof status === "number" && status >= 500);
}
