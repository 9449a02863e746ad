import type { DistTags } from "./packument.ts";

/**
 * Why a change or a request is refused. Closed: `packages/api/src/errors.ts` maps each to its HTTP status.
 *
 * A code exists only where a caller acts differently on it; the message tells the person the rest.
 */
export const REJECTION_CODES = [
  /** The request or the change is malformed. Mend it and send it again. */
  "invalid",
  /** The package, or the version or tag that it names, does not exist. */
  "not_found",
  /** The version is published already; versions are immutable. Publish a higher one. */
  "version_exists",
  /** The package changed since the sender read it. Read it again and decide anew. */
  "conflict",
  /** `If-Match` did not match. Read the tags again and decide anew. */
  "precondition_failed",
  /** A rule of the registry forbids it (removing `latest`). */
  "forbidden",
  /** A named limit is exceeded. */
  "too_large",
  /** The staged tarball is gone or damaged. Publish again. */
  "tarball_missing",
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

export type Rejection = { readonly code: RejectionCode; readonly message: string };

/** What became of a change. Final: an outcome never changes once it is known. */
export type Outcome =
  | {
      readonly state: "applied";
      readonly id: string;
      readonly name: string;
      readonly sequence: number;
      readonly revision: number;
      /** The tags right after the change; absent where only the record of the change is left. */
      readonly distTags?: DistTags;
    }
  | { readonly state: "rejected"; readonly id: string; readonly name: string; readonly rejection: Rejection };
