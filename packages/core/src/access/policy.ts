import type { Change } from "../domain/change.ts";
import { refusalOfToken } from "./token-limits.ts";
import type { AccessTarget, Action, Decision, NamedPrincipal, Principal, Refusal } from "./principal.ts";

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
  /** Users who may operate the registry. Default: nobody. */
  readonly admins?: readonly string[];
};

/**
 * The policy of a registry, from its settings.
 *
 * @example createPolicy({ anonymousRead: true }).may(ANONYMOUS, "read").allowed // true
 *
 * Every named principal may change every package; a token never does more than its limits allow. Only the administrators of the
 * settings operate the registry.
 */
export function createPolicy({ anonymousRead, admins = [] }: PolicySettings): Policy {
  const ofUser = (name: string, action: Action) =>
    action === "admin" && !admins.includes(name) ? NO_ADMINISTRATOR : allow("signed in");
  return {
    may(principal, action, target) {
      const unknown = anonymous(action, anonymousRead);
      switch (principal.kind) {
        case "anonymous":
          return unknown;
        case "token":
          return (
            refusalOfToken(principal, action, target, unknown.allowed) ??
            (principal.workload ? allow("a trust rule trusts this CI job") : ofUser(principal.name, action))
          );
        case "user":
          return ofUser(principal.name, action);
        case "workload":
        case "service":
          return action === "admin" ? NO_ADMINISTRATOR : allow(`a ${principal.kind} may send every change`);
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

const NO_ADMINISTRATOR: Refusal = {
  allowed: false,
  rule: "only administrators operate the registry",
  code: "forbidden",
  reason: "only an administrator of this registry may do this",
};

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
