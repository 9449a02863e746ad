import { createApp } from "@codebox/api";
import { createAuditLog, createPolicy, issueToken } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend } from "@codebox/testing";
import { expect, test } from "vitest";
import { auditLogRoutes } from "../src/audit-route.ts";

test("the audit log is read by administrators, and by nobody else", async () => {
  const backend = createMemoryBackend({ clock: systemClock });
  const auditLog = createAuditLog({ ...backend, ids: systemIds });
  await auditLog.append({ at: "2026-11-25T10:00:00.000Z", kind: "token", who: "bob", what: "made a token" });
  const policy = createPolicy({ anonymousRead: true, admins: ["admin"] });
  const app = createApp({ ...backend, policy, clock: systemClock }, {}, [auditLogRoutes(auditLog)]);
  const ask = async (user: string, query = "") => {
    const grant = { user, readonly: false, label: "laptop", created: "2026-01-01T00:00:00.000Z" };
    const token = await issueToken({ ...backend, ids: systemIds }, grant);
    const headers = { authorization: `Bearer ${token}` };
    return app.request(`http://registry.test/-/audit${query}`, { headers });
  };
  expect((await ask("bob")).status).toBe(403);
  expect(await (await ask("admin", "?who=bob&since=2026-11-25T00:00:00Z")).json()).toMatchObject({
    entries: [{ who: "bob" }],
  });
  expect(await (await ask("admin", "?kind=trust")).json()).toEqual({ entries: [] });
  expect((await ask("admin", "?kind=gossip")).status).toBe(400);
  expect((await ask("admin", "?cursor=wire/index.json")).status).toBe(400);
});
