import { AUDIT_KINDS, type AuditKind, type AuditLog, type AuditQuery } from "@codebox/core";
import { UsageError, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

const DAY_MS = 86_400_000;
const UNITS = { m: 60_000, h: 3_600_000, d: DAY_MS } as const;

/**
 * `codebox audit`: the entries of the audit log, oldest first. A page is printed before the next one is read.
 *
 * @param chosen.since a time in ISO 8601, or how long ago: `30m`, `12h`, `7d`.
 */
export async function showAudit(
  {
    auditLog,
    output,
    now,
  }: { readonly auditLog: Pick<AuditLog, "query">; readonly output: Output; readonly now: Date },
  chosen: { readonly since: string; readonly who?: string; readonly package?: string; readonly kind?: string },
): Promise<ExitCode> {
  const query: AuditQuery = {
    since: timeOf(chosen.since, now),
    ...(chosen.who === undefined ? {} : { who: chosen.who }),
    ...(chosen.package === undefined ? {} : { package: chosen.package }),
    ...(chosen.kind === undefined ? {} : { kind: kindOf(chosen.kind) }),
  };
  let count = 0;
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await auditLog.query(cursor === undefined ? query : { ...query, cursor });
    const rows = page.entries.map((entry) =>
      output.terminal
        ? {
            at: entry.at.slice(0, 19),
            kind: entry.kind,
            who: entry.who ?? "",
            what: entry.what,
            package: entry.package ?? "",
            address: entry.address ?? "",
            rule: entry.rule ?? "",
          }
        : { ...entry },
    );
    count += rows.length;
    if (rows.length > 0) output.table(rows, ["at", "kind", "who", "what", "package", "address", "rule"]);
    cursor = page.cursor;
  }
  if (count === 0) output.note("the audit log has no such entry");
  return 0;
}

function timeOf(text: string, now: Date): string {
  const [, amount = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = unit === "" ? undefined : Number(amount) * UNITS[unit as keyof typeof UNITS];
  // oxlint-disable-next-line no-restricted-globals -- parses and formats given times; no clock is read
  const time = ms === undefined ? new Date(text) : new Date(now.getTime() - ms);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new UsageError(`--since: ${JSON.stringify(text)} is no time; write "7d", "12h", "30m" or 2026-11-25T10:00:00Z`);
}

function kindOf(text: string): AuditKind {
  const kind = AUDIT_KINDS.find((known) => known === text);
  if (kind) return kind;
  throw new UsageError(`--kind: ${JSON.stringify(text)} is none of ${AUDIT_KINDS.join(", ")}`);
}
