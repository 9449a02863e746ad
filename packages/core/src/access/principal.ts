import type { ChangeAction } from "../domain/changes/shared/definition.ts";
import type { Packument } from "../domain/packument.ts";
import type { Identity } from "./tokens.ts";

/**
 * Who asks: the result of authentication, and all that the policy knows of a caller.
 *
 * @example { kind: "token", name: "alice", readonly: true, tokenHash: "9f86d0…" }
 *
 * - `anonymous`: a request without a token.
 * - `user`: a person by name, without the limits of a token. The consumer knows the sender of a change so.
 * - `token`: a user's token, with its limits. `tokenHash` is the token's SHA-256 in hex.
 * - `workload`: a CI job.
 * - `service`: another service that sends changes to the queue.
 */
export type Principal =
  | { readonly kind: "anonymous" }
  | { readonly kind: "user"; readonly name: string; readonly groups?: readonly string[] }
  | ({ readonly kind: "token" } & Identity)
  | { readonly kind: "workload"; readonly name: string }
  | { readonly kind: "service"; readonly name: string };

/** A principal with a name: everybody but an anonymous caller. */
export type NamedPrincipal = Exclude<Principal, { readonly kind: "anonymous" }>;

/** The principal of a request without a token. */
export const ANONYMOUS: Principal = { kind: "anonymous" };

/**
 * Everything that can be allowed or refused. Closed.
 *
 * - `read`: read a package; without a package: search, events, the status of changes.
 * - `write`: change something at all. A route asks for it before it reads a body; the change then needs its own action.
 * - `tag`, `publish`, `deprecate`, `unpublish`, `owners`, `star`: change a package.
 * - `access`: decide who may do what with a package. For `@acme/*`: manage the organisation and its teams.
 * - `account`: see one's own profile and tokens, revoke the token at hand, make a token with one's password.
 * - `revoke`: revoke another of one's own tokens.
 * - `admin`: operate the registry: dead letters, and everybody's tokens.
 */
export type Action = "read" | "write" | ChangeAction | "access" | "account" | "revoke" | "admin";

/**
 * The package that an action is about, as stored right now. `packument` is absent when the package was never published; of it the
 * policy needs the owners only.
 */
export type AccessTarget = { readonly name: string; readonly packument: Pick<Packument, "maintainers"> | undefined };

/**
 * The answer of the policy.
 *
 * @example { allowed: false, rule: "token is read-only", code: "forbidden", reason: "this token may only read; use one that may write" }
 *
 * `rule` names the rule that decided, for logs and `explain`; `reason` is for the person who is refused. `code` is
 * `unauthenticated` where signing in may help, else `forbidden`.
 */
export type Decision = { readonly allowed: true; readonly rule: string } | Refusal;
/** The answer "no" of the policy. */
export type Refusal = {
  readonly allowed: false;
  readonly rule: string;
  readonly code: "unauthenticated" | "forbidden";
  readonly reason: string;
};
