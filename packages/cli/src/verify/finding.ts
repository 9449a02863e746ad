import { isAboutOneObject } from "../errors.ts";

/** Every rule that `verify` checks. A code names the rule, not the package. */
export const CODES = [
  "bucket-policy-public",
  "bucket-public-access",
  "bucket-encryption",
  "bucket-lifecycle",
  "bucket-setting-unknown",
  "document-damaged",
  "document-name",
  "document-missing",
  "document-field",
  "tag-dangling",
  "tag-illegal",
  "latest-missing",
  "version-invalid",
  "version-manifest",
  "version-digest",
  "version-integrity",
  "tarball-missing",
  "tarball-size",
  "tarball-digest",
  "tarball-leftover",
  "state-malformed",
  "state-revision",
  "state-ring",
  "state-outbox",
  "token-damaged",
  "token-hash",
  "token-leftover",
  "object-encryption",
  "object-expired",
  "object-digest",
  "object-unknown",
  "object-unreadable",
] as const;
export type Code = (typeof CODES)[number];

/** `error`: an invariant is broken, and somebody will feel it. `warning`: it works, and is not as it should be. */
type Severity = "error" | "warning";

/** One thing that is not as it must be. */
export type Finding = {
  readonly code: Code;
  readonly severity: Severity;
  /** The object, or the bucket itself. */
  readonly key: string;
  readonly problem: string;
  /** What the operator does about it. */
  readonly fix: string;
};

export const error = (code: Code, key: string, problem: string, fix: string): Finding => ({
  code,
  severity: "error",
  key,
  problem,
  fix,
});

/** What a look at an object finds; one finding when S3 refuses the object itself. Any other error surfaces. */
export async function orUnreadable(key: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (cause) {
    if (!isAboutOneObject(cause)) throw cause;
    const fix = "check the rights (docs/operations.md) and its KMS key, or restore it from the archive";
    return [error("object-unreadable", key, `S3 does not give it: ${cause.name} ${cause.message}`.trim(), fix)];
  }
}

export const warning = (code: Code, key: string, problem: string, fix: string): Finding => ({
  ...error(code, key, problem, fix),
  severity: "warning",
});
