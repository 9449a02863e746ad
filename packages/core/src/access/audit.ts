import type { AuditEntry, AuditLog } from "../ports/audit-log.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * Refused requests that are kept in an hour, by callers without a token and by others. A flood must not fill the disk: both together
 * are some 7,000 entries a day, about 3 MB. The rest is counted, and the count is kept.
 */
export const REFUSALS_AN_HOUR = { anonymous: 60, named: 240 } as const;
const HOUR_MS = 60 * 60_000;
/** Longest text of an entry, in characters. */
const TEXT_MAX = 300;

export type AuditEvent = Omit<AuditEntry, "at">;
/** Keeps an event. Never rejects: a failure is reported, and the request goes on. */
export type Audit = (event: AuditEvent) => Promise<void>;

/**
 * Records what happens around access, with the time, and refusals only up to a number an hour.
 *
 * @example const audit = createAudit({ log, clock, onFailure }); await audit({ kind: "sign-in", who: "alice", what: "signed in" });
 */
export function createAudit({
  log,
  clock,
  onFailure,
}: {
  readonly log: Pick<AuditLog, "append">;
  readonly clock: Pick<Clock, "now">;
  readonly onFailure: (error: unknown) => void;
}): Audit {
  const budgets = { anonymous: { hour: 0, kept: 0, left: 0 }, named: { hour: 0, kept: 0, left: 0 } };
  const append = async (entry: AuditEntry) => {
    try {
      await log.append(entry);
    } catch (error) {
      onFailure(error);
    }
  };
  return async (event) => {
    const now = clock.now();
    const at = now.toISOString();
    const entry = {
      ...event,
      at,
      what: cut(event.what),
      ...(event.rule === undefined ? {} : { rule: cut(event.rule) }),
    };
    if (event.kind !== "refusal") return append(entry);
    const who = event.who === undefined ? "anonymous" : "named";
    const budget = budgets[who];
    const hour = Math.floor(now.getTime() / HOUR_MS);
    if (budget.hour !== hour) {
      const { left } = budget;
      Object.assign(budget, { hour, kept: 0, left: 0 });
      if (left > 0)
        await append({ at, kind: "refusal", what: `${left} more refused requests (${who}) were counted only` });
    }
    if (budget.kept >= REFUSALS_AN_HOUR[who]) {
      budget.left++;
      return;
    }
    budget.kept++;
    await append(entry);
  };
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
