import { parseBody, routeGroup, type RouteGroup } from "@codebox/api";
import { AUDIT_KINDS, LAYOUT, type AuditLog } from "@codebox/core";
import * as z from "zod";

const Query = z.object({
  since: z.iso.datetime({ error: "must be a time in ISO 8601 and UTC, such as 2026-11-25T10:00:00Z" }).exactOptional(),
  who: z.string().max(214).exactOptional(),
  package: z.string().max(214).exactOptional(),
  kind: z.enum(AUDIT_KINDS, { error: `must be one of ${AUDIT_KINDS.join(", ")}` }).exactOptional(),
  cursor: z.string().max(300).startsWith(LAYOUT.audit.prefix, "must be the cursor of the page before").exactOptional(),
});

/** `GET /-/audit?since=&who=&package=&kind=` lists the audit log in pages (`cursor`), oldest first. For `codebox audit`. */
export function auditLogRoutes(auditLog: Pick<AuditLog, "query">): RouteGroup {
  return routeGroup("admin", (on) => {
    on.get("/-/audit", async (c) => c.json(await auditLog.query(parseBody(Query, c.req.query()))));
  });
}
