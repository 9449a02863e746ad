import type { DistTags } from "./packument.ts";

/**
 * Why a change or a request is refused. A closed set: `packages/api/src/errors.ts` maps each code to its HTTP status.
 *
 * There is a code only where a caller acts differently on it; the message says the rest to the person.
 */
export const REJECTION_CODES = [
  /** The request or the change is malformed. Correct it and send it again. */
  "invalid",
  /** The package, or the version or tag that it names, does not exist. */
  "not_found",
  /** The version is published already; versions are immutable. Publish a higher one. */
  "version_exists",
  /** The package changed since the sender read it. Read it again and decide again. */
  "conflict",
  /** The tags are not as `If-Match` or `If-None-Match` demands. Read them again and decide again. */
  "precondition_failed",
  /** A rule of the registry forbids it (removing `latest`). */
  "forbidden",
  /** A named limit is exceeded. */
  "too_large",
  /** The staged tarball is gone or damaged. Publish again. */
  "tarball_missing",
] as const;
/**
 * One of `REJECTION_CODES`.
 *
 * @example "version_exists"
 */
export type RejectionCode = (typeof REJECTION_CODES)[number];

/**
 * Why a change was refused: the code for programs, the message for people. The message says how to correct the request.
 *
 * @example { code: "not_found", message: 'wire has no tag "next"' }
 */
export type Rejection = { readonly code: RejectionCode; readonly message: string };

/**
 * The result of a change: applied or rejected. Final: an outcome that is known never changes.
 *
 * The consumer writes it; `submit` waits for it, and the status URL of a change answers it.
 *
 * @example { state: "applied", id: "01J…", name: "wire", sequence: 7, revision: 7, distTags: { latest: "1.0.0" } }
 * @example { state: "rejected", id: "01J…", name: "wire", rejection: { code: "not_found", message: "…" } }
 */
export type Outcome =
  | {
      readonly state: "applied";
      readonly id: string;
      readonly name: string;
      readonly sequence: number;
      readonly revision: number;
      /** The tags right after the change; absent when only the record of the change is left. */
      readonly distTags?: DistTags;
    }
  | { readonly state: "rejected"; readonly id: string; readonly name: string; readonly rejection: Rejection };
