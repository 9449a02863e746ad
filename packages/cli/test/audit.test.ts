import { createAuditLog } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { showAudit } from "../src/commands/audit.ts";
import { pipe } from "./support.ts";

let output: ReturnType<typeof pipe>;
let auditLog: ReturnType<typeof createAuditLog>;
// oxlint-disable-next-line no-restricted-globals -- a given time
const now = new Date("2026-11-25T10:00:00.000Z");
beforeEach(async () => {
  output = pipe();
  auditLog = createAuditLog({ ...createMemoryBackend({ clock: systemClock }), ids: systemIds });
  await auditLog.append({ at: "2026-11-01T10:00:00.000Z", kind: "token", who: "alice", what: "made a token" });
  await auditLog.append({ at: "2026-11-24T10:00:00.000Z", kind: "trust", who: "bob", what: "…", package: "wire" });
});
const show = (chosen: Partial<Parameters<typeof showAudit>[1]>) =>
  showAudit({ auditLog, output, now }, { since: "30d", ...chosen });

test("a pipe gets a JSON line for each entry, oldest first", async () => {
  expect(await show({})).toBe(0);
  expect(output.lines).toMatchObject([
    { kind: "token", who: "alice" },
    { kind: "trust", package: "wire" },
  ]);
});
test("entries are chosen by time, user, package and kind", async () => {
  for (const chosen of [
    { since: "7d" },
    { since: "2026-11-20" },
    { who: "bob" },
    { package: "wire" },
    { kind: "trust" },
  ]) {
    const before = output.lines.length;
    await show(chosen);
    expect(output.lines.slice(before)).toMatchObject([{ who: "bob" }]);
  }
  await show({ who: "nobody" });
  expect(output.notes.at(-1)).toContain("no such entry");
});
test("a wrong time or kind is refused", async () => {
  await expect(show({ since: "yesterday" })).rejects.toThrow("--since");
  await expect(show({ kind: "gossip" })).rejects.toThrow("--kind");
});
