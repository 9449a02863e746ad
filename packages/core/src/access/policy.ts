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
 * - `service`: another service that sends changes as messages.
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
  /** The services that may do more than change tags. Default: none. */
  readonly services?: readonly Service[];
};

/** What a service can be allowed to do. Not `publish`: only the API inspects a tarball. */
export const SERVICE_ACTIONS = ["tag", "deprecate", "unpublish", "owners"] as const satisfies readonly ChangeAction[];

/**
 * Another service that sends changes as messages.
 *
 * @example { name: "release", sender: "AROAEXAMPLEID", actions: ["tag", "deprecate"] }
 * `sender` is what the queue itself says of the sender of a message: on AWS the unique id of an IAM role or user.
 */
export type Service = {
  readonly name: string;
  readonly sender: string;
  readonly actions: readonly (typeof SERVICE_ACTIONS)[number][];
};

/**
 * The policy of a registry, from its settings.
 *
 * @example createPolicy({ anonymousRead: true }).may(ANONYMOUS, "read").allowed // true
 *
 * A user, a token and a workload may do everything, except that a read-only token changes nothing. A service may change tags,
 * and what its entry in `services` allows.
 */
export function createPolicy({ anonymousRead, services = [] }: PolicySettings): Policy {
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
          return service(principal.name, action, services);
      }
    },
  };
}

/**
 * The actor of a change that a principal makes. A token's actor is its user: its limits were checked when the change was submitted.
 *
 * @example actorOf({ kind: "token", name: "alice", readonly: false, tokenHash: "9f86d0…" }) // { kind: "user", name: "alice" }
 */
export function actorOf({ kind, name }: NamedPrincipal): Change["actor"] {
  return { kind: kind === "token" ? "user" : kind, name };
}

/**
 * On whose behalf an accepted change is applied. What is checked again are the rights of a token's user, which are never fewer
 * than those of the token.
 */
export function principalOfChange({ actor: { kind, name } }: Pick<Change, "actor">): NamedPrincipal {
  return { kind, name };
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

function service(name: string, action: Action, services: readonly Service[]): Decision {
  const actions: readonly Action[] = services.find((known) => known.name === name)?.actions ?? ["tag"];
  if (actions.includes(action)) return allow("services may do what they are configured for");
  return {
    allowed: false,
    rule: "services may do what they are configured for",
    code: "forbidden",
    reason: `the service "${name}" may only ${actions.join(", ")}, not ${action}; a publish goes over HTTP, and CODEBOX_SERVICES allows the rest`,
  };
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
