/**
 * What happened around access, for those who look at it later. Append-only: no method changes or removes an entry.
 *
 * Error semantics: `StoreUnavailable` when the store does not answer; the entry may then have been kept.
 *
 * @example await auditLog.append({ at: "2026-11-25T10:00:00.000Z", kind: "token", who: "alice", what: "made a token" });
 */
export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
  /** A page of entries, oldest first. It looks at a bounded number, so a page may be empty and have a cursor. */
  query(query?: AuditQuery): Promise<AuditPage>;
}

/**
 * Closed.
 *
 * - `sign-in`, `token`, `second-factor`, `trust`: of users and CI jobs.
 * - `rights`: a change of the rights. `user`: an administrator's act on a user, and changes of a password.
 * - `operation`: another act of an administrator. `refusal`: a request that was refused.
 */
export const AUDIT_KINDS = [
  "sign-in",
  "token",
  "second-factor",
  "trust",
  "rights",
  "user",
  "operation",
  "refusal",
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export type AuditEntry = {
  /** ISO 8601, in UTC. */
  readonly at: string;
  readonly kind: AuditKind;
  /** What was done or refused. Never a secret. */
  readonly what: string;
  /** The name of who did it; absent for a caller without a token. */
  readonly who?: string;
  /** The client's address. */
  readonly address?: string;
  readonly package?: string;
  /** The rule that refused. */
  readonly rule?: string;
};

export type AuditQuery = {
  /** Entries from this time on, in ISO 8601. Default: all that are kept. */
  readonly since?: string;
  readonly who?: string;
  readonly package?: string;
  readonly kind?: AuditKind;
  /** The `cursor` of the page before. */
  readonly cursor?: string;
};
/** `cursor`: absent on the last page. */
export type AuditPage = { readonly entries: readonly AuditEntry[]; readonly cursor?: string };
