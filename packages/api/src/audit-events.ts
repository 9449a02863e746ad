import type { AuditEvent } from "@codebox/core";
import type { Right } from "./auth.ts";
import type { AppContext, AppPorts } from "./context.ts";
import { loggable } from "./loggable.ts";

/** Refused requests to these are kept. Refused reads are in the request log only: reading never writes. */
const KEPT: ReadonlySet<string | undefined> = new Set<Right>(["sign-in", "stage", "write", "account", "admin"]);
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429]);

/**
 * Keeps what a request did, and that it was refused. Called after the handler, before the answer is sent: on AWS nothing runs after it.
 * A text may quote what the client sent, so tokens in it are hidden.
 */
export async function keepEvents(c: AppContext, ports: AppPorts, events: readonly AuditEvent[]): Promise<void> {
  const { audit } = ports;
  if (!audit) return;
  const principal = c.get("principal");
  const who = principal.kind === "anonymous" ? {} : { who: principal.name };
  const address = ports.addressOf?.(c);
  const from = address === undefined ? {} : { address };
  for (const event of events) await audit({ ...who, ...from, ...event, what: loggable(event.what) });
  if (!isRefused(c)) return;
  const what = `${c.req.method} ${loggable(c.req.path)} was answered with ${c.res.status}`;
  const rule = c.get("refusedBy");
  await audit({ kind: "refusal", what, ...who, ...from, ...(rule === undefined ? {} : { rule: loggable(rule) }) });
}

/** A client that is asked for a one-time password is not refused: it sends the request again. */
function isRefused(c: AppContext): boolean {
  const asked = c.res.headers.get("www-authenticate") === "otp" && c.req.header("npm-otp") === undefined;
  return REFUSED.has(c.res.status) && KEPT.has(c.get("right")) && !asked;
}
