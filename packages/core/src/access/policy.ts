import type { Change } from "../domain/change.ts";
import type { RuleContext } from "../domain/rules.ts";
import type { Service } from "./services.ts";
import { OPEN_RIGHTS, type RightsSpec, type Role } from "./rights.ts";
import { creationRule, groupsOf, includes, isMember, privacyOf, roleOf, scopeRules } from "./roles.ts";
import { refusalOfToken } from "./token-limits.ts";
import type { AccessTarget, Action, Decision, NamedPrincipal, Principal, Refusal } from "./principal.ts";

/**
 * The one place that decides who may do what. Each decision is pure: no clock and no I/O.
 *
 * @example policy.may(principal, "tag", { name: "@acme/wire", packument })
 *
 * Without a target the question is about the registry as a whole.
 */
export type Policy = {
  readonly may: (principal: Principal, action: Action, target?: AccessTarget) => Decision;
  /**
   * Reads the rights if they may have changed. Called before the decisions of a request, a batch or an event. Absent: the policy
   * never changes.
   *
   * @throws StoreUnavailable when the rights can't be read: then nothing is decided.
   */
  readonly refresh?: () => Promise<void>;
  /** What the rules for tags ask of the rights: teams, and the rules of scopes. As old as the rights that `may` uses. */
  readonly ruleContext: RuleContext;
};

/** What an operator decides about access. */
export type PolicySettings = {
  /** Whether packages can be read without a token. */
  readonly anonymousRead: boolean;
  /**
   * Users who have every right, whatever the rights say: an administrator can't be locked out. A group of a sign-in provider is
   * named as in rights, `group:github:acme/platform`. Default: nobody.
   */
  readonly admins?: readonly string[];
  /** Default: those of a registry in which nobody has decided. */
  readonly rights?: RightsSpec;
  /** The services that may do more than change tags. Default: none. */
  readonly services?: readonly Service[];
};

/**
 * The policy of a registry, from its settings and rights.
 *
 * @example createPolicy({ anonymousRead: true }).may(ANONYMOUS, "read").allowed // true
 *
 * A token never does more than its user, and less by its limits. A CI job has the rights of its trust rule. A service may change
 * tags, and what its entry in `services` allows.
 */
export function createPolicy({
  anonymousRead,
  admins = [],
  rights = OPEN_RIGHTS,
  services = [],
}: PolicySettings): Policy {
  return {
    ruleContext: {
      isMember: (team, user) => isMember(rights, team, user),
      scopeRules: (name) => scopeRules(rights, name),
    },
    may(principal, action, target) {
      const unknown = anonymous(rights, action, target, anonymousRead);
      if (principal.kind === "anonymous") return unknown;
      const limited =
        principal.kind === "token" ? refusalOfToken(principal, action, target, unknown.allowed) : undefined;
      if (limited) return limited;
      if (principal.kind === "token" && principal.workload) return allow("a trust rule trusts this CI job");
      if (principal.kind === "workload") return workload(action);
      if (principal.kind === "service") return service(rights, principal.name, action, { target, services });
      if (isAdmin(principal, admins)) return allow(`${principal.name} is an administrator of the settings`);
      if (rights.disabled?.includes(principal.name))
        return refuse(
          `${principal.name} is disabled`,
          `the account "${principal.name}" is disabled; ask an administrator`,
        );
      return named(rights, principal, action, target);
    },
  };
}

/**
 * The actor of a change that a principal makes. A token's actor is its user: its limits were checked when the change was submitted.
 *
 * @example actorOf({ kind: "token", name: "alice", readonly: false, tokenHash: "9f86d0…" }) // { kind: "user", name: "alice" }
 */
export function actorOf(principal: NamedPrincipal): Change["actor"] {
  const { kind, name } = principal;
  const groups = groupsOf(principal);
  const person = { kind: "user", name, ...(groups && groups.length > 0 ? { groups: [...groups] } : {}) } as const;
  if (kind === "token") return principal.workload ? { kind: "workload", name } : person;
  return kind === "user" ? person : { kind, name };
}

/**
 * On whose behalf an accepted change is applied. What is checked again are the rights of a token's user, which are never fewer
 * than those of the token.
 */
export function principalOfChange({ actor: { kind, name, groups } }: Pick<Change, "actor">): NamedPrincipal {
  return kind === "user" && groups ? { kind, name, groups } : { kind, name };
}

/** A refusal as the rejection of a change, with the rule that decided. */
export function refusalRejection({ reason, rule }: Refusal): { readonly code: "forbidden"; readonly message: string } {
  return { code: "forbidden", message: `${reason} (rule: ${rule})` };
}

/** The role that each action on a package needs. `star` needs no more than reading. */
const NEEDED = {
  star: "read",
  tag: "tag",
  publish: "publish",
  deprecate: "publish",
  unpublish: "admin",
  owners: "admin",
  access: "admin",
} as const satisfies Record<Exclude<Action, "read" | "write" | "account" | "revoke" | "admin">, Role>;

function isAdmin(principal: NamedPrincipal, admins: readonly string[]): boolean {
  const isNamed = (principal.kind === "user" || principal.kind === "token") && admins.includes(principal.name);
  return isNamed || groupsOf(principal)?.some((group) => admins.includes(`group:${group}`)) === true;
}

function named(
  rights: RightsSpec,
  principal: NamedPrincipal,
  action: Action,
  target: AccessTarget | undefined,
): Decision {
  switch (action) {
    case "write":
    case "account":
    case "revoke":
      return allow("signed in");
    case "admin": {
      const held = roleOf(rights, principal, EVERYTHING, { named: true });
      if (held && includes(held.role, "admin")) return allow(held.rule);
      return refuse("only administrators operate the registry", "only an administrator of this registry may do this");
    }
    case "read":
      return target ? reading(rights, principal, target) : allow("signed in");
    default:
      return target ? changing(rights, principal, action, target) : allow("signed in");
  }
}

/** Only a grant on every package matches this. */
const EVERYTHING: AccessTarget = { name: "**", packument: undefined };

function reading(rights: RightsSpec, principal: NamedPrincipal, target: AccessTarget): Decision {
  const privacy = privacyOf(rights, target.name);
  if (privacy === undefined) return allow("everybody who is signed in reads what is not private");
  const held = roleOf(rights, principal, target);
  return held ? allow(held.rule) : refuse(`${privacy} is private`, `"${target.name}" is private; ${askFor("read")}`);
}

function changing(
  rights: RightsSpec,
  principal: NamedPrincipal,
  action: keyof typeof NEEDED,
  target: AccessTarget,
): Decision {
  const readable = reading(rights, principal, target);
  if (action === "star" || !readable.allowed) return readable;
  const needed = NEEDED[action];
  const held = roleOf(rights, principal, target, { named: action === "access" });
  if (held && includes(held.role, needed)) return allow(held.rule);
  const { name, packument } = target;
  const creation = action === "publish" && packument === undefined ? creationRule(rights, principal, name) : undefined;
  if (creation !== undefined) return allow(creation);
  const which = packument === undefined && action === "publish" ? `create "${name}"` : `${VERBS[action]} "${name}"`;
  return refuse(
    held ? `${held.rule}, and this needs ${needed}` : `nothing gives the role ${needed} on ${name}`,
    `"${principal.name}" may not ${which}; ${askFor(needed)}`,
  );
}

const VERBS = {
  tag: "change the tags of",
  publish: "publish",
  deprecate: "deprecate versions of",
  unpublish: "unpublish",
  owners: "change the owners of",
  access: "change the access to",
} as const;

const askFor = (role: Role) => `ask an owner or an administrator for the role "${role}"`;

function refuse(rule: string, reason: string): Refusal {
  return { allowed: false, rule, code: "forbidden", reason };
}

function allow(rule: string): Decision {
  return { allowed: true, rule };
}

function anonymous(
  rights: RightsSpec,
  action: Action,
  target: AccessTarget | undefined,
  anonymousRead: boolean,
): Decision {
  const refused = (rule: string, reason: string): Decision => ({
    allowed: false,
    rule,
    code: "unauthenticated",
    reason,
  });
  if (!anonymousRead) return refused("anonymous callers may do nothing", "reading from this registry needs a token");
  if (action !== "read") return refused("anonymous callers may only read", "this needs a token");
  const privacy = target && privacyOf(rights, target.name);
  if (target && privacy !== undefined) return refused(`${privacy} is private`, `"${target.name}" is private`);
  return allow("anonymous callers may read");
}

/**
 * What its entry in the settings allows, and what the rights give to this service by name. Without either it may change tags where
 * everybody may. It never publishes: only the API inspects a tarball.
 */
function service(
  rights: RightsSpec,
  name: string,
  action: Action,
  { target, services }: { readonly target: AccessTarget | undefined; readonly services: readonly Service[] },
): Decision {
  const configured: readonly Action[] = services.find((known) => known.name === name)?.actions ?? [];
  if (configured.includes(action)) return allow("services may do what they are configured for");
  const principal = { kind: "service", name } as const;
  if (action === "tag" || action === "read" || action === "star") return named(rights, principal, action, target);
  const needed = action in NEEDED ? NEEDED[action as keyof typeof NEEDED] : undefined;
  const held = target && needed && roleOf(rights, principal, target, { named: true });
  if (held && action !== "publish" && includes(held.role, needed)) return allow(held.rule);
  const may = ["tag", ...configured].join(", ");
  return refuse(
    "services may do what they are configured for",
    `the service "${name}" may only ${may}, not ${action}; a publish goes over HTTP, and CODEBOX_SERVICES or a role allows the rest`,
  );
}

/** In the consumer: which package and which action the trust rule allows was checked when the change was submitted. */
function workload(action: Action): Decision {
  if (action === "publish" || action === "tag" || action === "read" || action === "write")
    return allow("a trust rule trusts this CI job");
  return refuse("CI jobs publish and move tags", `a CI job may publish and move tags, not ${action}`);
}
