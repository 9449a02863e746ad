import { type DistTags, type Draft, type Submission } from "@codebox/core";
import { namedCaller } from "./auth.ts";
import { ApiError } from "./errors.ts";
import type { ApiSettings, AppContext, WritePorts } from "./context.ts";
import { confirmChange } from "./second-factor.ts";
import { keyedChangeId } from "./repeats.ts";
import { whyOf } from "./why.ts";

/** The header of an answer that names the change. */
export const CHANGE_HEADER = "codebox-change";

/** An applied change, as the answer to its request needs it. */
export type Settled = { readonly sequence: number; readonly revision: number; readonly distTags: DistTags };

/**
 * Submits a change for the caller and answers with its outcome.
 *
 * Applied: `answer(settled)` with `status`. Rejected: the rejection. Not known in time, or `Prefer: respond-async`: 202 with
 * `location`, `npm-notice` and `retry-after`.
 * @param id stays the same over a client's retries of one change, which makes the retry harmless. Default: derived from the
 * request's `Idempotency-Key` and the change; without the key, a new one.
 * @throws ApiError with the code of the rejection
 */
export async function submitChange(
  c: AppContext,
  ports: Pick<WritePorts, "submit" | "policy" | "factors">,
  settings: Pick<ApiSettings, "waitMs"> & { readonly dryRun?: boolean },
  draft: Draft,
  answer: (settled: Settled) => { readonly status: 200 | 201; readonly body: Record<string, unknown> },
  id: string | undefined = keyedChangeId({ headers: c.req.raw.headers, user: namedCaller(c).name }, draft),
): Promise<Response> {
  const principal = namedCaller(c);
  if (settings.dryRun !== true) await confirmChange(c, ports, draft);
  const async = /\brespond-async\b/i.test(c.req.header("prefer") ?? "");
  const why = whyOf(c.req.raw.headers);
  const submission = await ports.submit(draft, {
    principal,
    waitMs: async ? 0 : settings.waitMs,
    ...(why ? { why } : {}),
    ...(settings.dryRun === true ? { dryRun: true } : {}),
    ...(id === undefined ? {} : { id }),
  });
  return respond(c, submission, answer);
}

function respond(
  c: AppContext,
  submission: Submission,
  answer: (settled: Settled) => { readonly status: 200 | 201; readonly body: Record<string, unknown> },
): Response {
  if (submission.kind === "accepted") return accepted(c, submission);
  const { outcome } = submission;
  if (outcome.state === "rejected") throw new ApiError(outcome.rejection.code, outcome.rejection.message);
  const { status, body } = answer({ ...outcome, distTags: outcome.distTags ?? {} });
  c.header(CHANGE_HEADER, outcome.id);
  return c.json(body, status);
}

function accepted(c: AppContext, { id, name }: { readonly id: string; readonly name: string }): Response {
  const location = `${c.get("origin")}/-/changes/${encodeURIComponent(id)}`;
  c.header("location", location);
  c.header("retry-after", "1");
  c.header(CHANGE_HEADER, id);
  c.header("npm-notice", `the change is queued and will be applied; its status: ${location}`);
  return c.json({ ok: true, id: name, change: id, status: location }, 202);
}
