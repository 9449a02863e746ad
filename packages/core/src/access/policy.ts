import type { Change } from "../domain/change.ts";
import { CHANGE_ACTIONS, type ChangeAction } from "../domain/changes/shared/definition.ts";
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
  | { readonly kind: "user"; readonly name: string }
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
 * - `account`: see one's own profile and tokens, revoke the token at hand, make a token with one's password.
 * - `revoke`: revoke another of one's own tokens.
 * - `admin`: operate the registry: list dead letters and redrive them.
 */
export type Action = "read" | "write" | ChangeAction | "account" | "revoke" | "admin";

/** The package that an action is about, as stored right now. `packument` is absent when the package was never published. */
export type AccessTarget = { readonly name: string; readonly packument: Packument | undefined };

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

/**
 * The one place that decides who may do what. Pure: no clock and no I/O.
 *
 * @example policy.may(principal, "tag", { name: "@acme/wire", packument })
 *
 * Without a target the question is about the registry as a whole.
 */
export type Policy = {
  readonly may: (principal: Principal, action: Action, target?: AccessTarget) => Decision;
};

/** What an operator decides about access. */
export type PolicySettings = {
  /** Whether packages can be read without a token. */
  readonly anonymousRead: boolean;
};

/**
 * The policy of a registry, from its settings.
 *
 * @example createPolicy({ anonymousRead: true }).may(ANONYMOUS, "read").allowed // true
 *
 * Every named principal may do everything, except that a read-only token changes nothing.
 */
export function createPolicy({ anonymousRead }: PolicySettings): Policy {
  return {
    may(principal, action) {
      switch (principal.kind) {
        case "anonymous":
          return anonymous(action, anonymousRead);
        case "token":
          return principal.readonly && CHANGING.has(action) ? readOnly(action) : allow("signed in");
        case "user":
        case "workload":
          return allow("signed in");
        case "service":
          return allow("services may send every change");
      }
    },
  };
}

/**
 * The person or service on whose behalf an accepted change is applied.
 *
 * A change carries the name of its sender only. The limits of a token were checked when the change was submitted; what is
 * checked again here are the rights of its user, which are never fewer than those of the token.
 */
export function principalOfChange({ actor }: Pick<Change, "actor">): NamedPrincipal {
  return { kind: "user", name: actor.name };
}

/** A refusal as the rejection of a change, with the rule that decided. */
export function refusalRejection({ reason, rule }: Refusal): { readonly code: "forbidden"; readonly message: string } {
  return { code: "forbidden", message: `${reason} (rule: ${rule})` };
}

/** The actions that a read-only token may not do. */
const CHANGING: ReadonlySet<Action> = new Set<Action>(["write", ...CHANGE_ACTIONS, "revoke", "admin"]);

function allow(rule: string): Decision {
  return { allowed: true, rule };
}

function anonymous(action: Action, anonymousRead: boolean): Decision {
  if (!anonymousRead)
    return {
      allowed: false,
      rule: "anonymous callers may do nothing",
      code: "unauthenticated",
      reason: "reading from this registry needs a token",
    };
  if (action === "read") return allow("anonymous callers may read");
  return {
    allowed: false,
    rule: "anonymous callers may only read",
    code: "unauthenticated",
    reason: "this needs a token",
  };
}

function readOnly(action: Action): Refusal {
  const reason =
    action === "revoke"
      ? "this token may only read, and so revokes none but itself; use one that may write"
      : "this token may only read; use one that may write";
  return { allowed: false, rule: "token is read-only", code: "forbidden", reason };
}
