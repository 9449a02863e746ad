import { expect, test } from "vitest";
import type { AuditEntry, AuditLog } from "@codebox/core";

const entry = (minute: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  at: `2026-01-01T00:0${minute}:00.000Z`,
  kind: "token",
  what: `entry ${minute}`,
  ...more,
});

/** What every audit log must do. */
export function auditLogContract(open: () => Promise<AsyncDisposable & { readonly auditLog: AuditLog }>): void {
  const all = async (auditLog: AuditLog, query: Parameters<AuditLog["query"]>[0] = {}) => {
    const found: AuditEntry[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await auditLog.query(cursor === undefined ? query : { ...query, cursor });
      found.push(...page.entries);
      cursor = page.cursor;
    }
    return found;
  };
  test("entries are kept as they were appended, in the order of their times", async () => {
    await using fixture = await open();
    const full = entry(2, { who: "alice", address: "192.0.2.1", package: "wire", rule: "a rule", kind: "refusal" });
    for (const one of [entry(3), full, entry(1)]) await fixture.auditLog.append(one);
    expect(await all(fixture.auditLog)).toEqual([entry(1), full, entry(3)]);
  });
  test("two entries of one moment are both kept", async () => {
    await using fixture = await open();
    await Promise.all([fixture.auditLog.append(entry(1)), fixture.auditLog.append(entry(1, { what: "another" }))]);
    expect(await all(fixture.auditLog)).toHaveLength(2);
  });
  test("a query chooses by time, who, package and kind", async () => {
    await using fixture = await open();
    const { auditLog } = fixture;
    for (const one of [entry(1, { who: "alice" }), entry(2, { package: "wire" }), entry(3, { kind: "sign-in" })])
      await auditLog.append(one);
    const chosen = async (query: Parameters<AuditLog["query"]>[0]) =>
      (await all(auditLog, query)).map(({ what }) => what);
    expect(await chosen({ since: "2026-01-01T00:02:00.000Z" })).toEqual(["entry 2", "entry 3"]);
    expect(await chosen({ who: "alice" })).toEqual(["entry 1"]);
    expect(await chosen({ package: "wire" })).toEqual(["entry 2"]);
    expect(await chosen({ kind: "sign-in" })).toEqual(["entry 3"]);
  });
}
