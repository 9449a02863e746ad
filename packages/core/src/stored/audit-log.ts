import * as z from "zod";
import { jsonIn } from "../domain/json.ts";
import { auditKey, LAYOUT } from "../layout.ts";
import { AUDIT_KINDS, type AuditEntry, type AuditLog, type AuditQuery } from "../ports/audit-log.ts";
import type { Ids } from "../ports/ids.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";

/** Entries read at a time: each is a read of the store. */
const TOGETHER = 50;

const StoredEntry = z.object({
  at: z.string(),
  kind: z.enum(AUDIT_KINDS),
  what: z.string(),
  who: z.string().exactOptional(),
  address: z.string().exactOptional(),
  package: z.string().exactOptional(),
  rule: z.string().exactOptional(),
});

/**
 * The `AuditLog` port over an object store: one object for each entry, under its time. Who may only put objects there can add
 * entries, and neither read nor list them; an entry is written on the condition that its key is new.
 *
 * @example const auditLog = createAuditLog({ store, ids });
 */
export function createAuditLog({
  store,
  ids,
}: {
  readonly store: ObjectStore;
  readonly ids: Pick<Ids, "next">;
}): AuditLog {
  const read = async (key: string): Promise<AuditEntry | undefined> => {
    const found = await store.get(key);
    // Deleted since it was listed, because its time was over.
    return found?.notModified === false ? StoredEntry.parse(jsonIn(found.bytes)) : undefined;
  };
  return {
    async append(entry) {
      const options = { condition: { ifNoneMatch: "*" as const }, contentType: "application/json" };
      const written = await store.put(auditKey(entry.at, ids.next()), Buffer.from(JSON.stringify(entry)), options);
      if (!written.ok) throw new StoreUnavailable("an entry of the audit log could not be added");
    },
    async query(query = {}) {
      const from = query.cursor ?? (query.since === undefined ? undefined : auditKey(query.since, ""));
      const { objects, cursor } = await store.list(LAYOUT.audit.prefix, from);
      const entries: AuditEntry[] = [];
      for (let at = 0; at < objects.length; at += TOGETHER) {
        const some = await Promise.all(objects.slice(at, at + TOGETHER).map(({ key }) => read(key)));
        entries.push(...some.flatMap((entry) => (entry && matches(entry, query) ? entry : [])));
      }
      return { entries, ...(cursor === undefined ? {} : { cursor }) };
    },
  };
}

function matches(entry: AuditEntry, { who, kind, package: name }: AuditQuery): boolean {
  return (
    (who === undefined || entry.who === who) &&
    (kind === undefined || entry.kind === kind) &&
    (name === undefined || entry.package === name)
  );
}
