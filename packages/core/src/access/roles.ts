import { own } from "../domain/packument.ts";
import type { TagRule } from "../domain/tag-rule.ts";
import type { AccessTarget, NamedPrincipal } from "./principal.ts";
import { matchesPattern, ROLES, type OrgRole, type RightsSpec, type Role } from "./rights.ts";

/** A role that somebody has for a package, and the rule that gives it. */
export type Held = { readonly role: Role; readonly rule: string };

/**
 * The highest role that a principal has for a package; `undefined`: none. Pure.
 *
 * @param options.named only what the rights give to somebody by name, as owner or as member: a role of `everybody` or of all
 * `services` is not enough to decide about rights. Default: false.
 * @example roleOf(rights, { kind: "user", name: "alice" }, { name: "wire", packument }) // { role: "admin", rule: "alice owns wire" }
 */
export function roleOf(
  rights: RightsSpec,
  principal: NamedPrincipal,
  target: AccessTarget,
  { named = false }: { readonly named?: boolean } = {},
): Held | undefined {
  const subjects = subjectsOf(rights, principal);
  const held = rights.grants
    .filter(({ to, on }) => subjects.has(to) && matchesPattern(on, target.name) && !(named && UNNAMED.has(to)))
    .map(({ to, role, on }): Held => ({ role, rule: `${to} has the role ${role} on ${on}` }));
  return [...ofPerson(rights, principal, target), ...held].reduce<Held | undefined>(
    (best, one) => (best && rank(best.role) >= rank(one.role) ? best : one),
    undefined,
  );
}

const UNNAMED: ReadonlySet<string> = new Set(["everybody", "services"]);

/** Whether a role includes another. */
export function includes(held: Role, needed: Role): boolean {
  return rank(held) >= rank(needed);
}

/** Who may publish the first version of a package of this name, by the rule that decides; `undefined`: not this principal. */
export function creationRule(rights: RightsSpec, principal: NamedPrincipal, name: string): string | undefined {
  const org = orgOf(rights, name);
  if (org) {
    const role = memberRole(rights, principal, org);
    return role && `${principal.name} is a member of the organisation ${org}`;
  }
  const subjects = subjectsOf(rights, principal);
  const found = rights.create.find(({ to, on }) => subjects.has(to) && matchesPattern(on, name));
  return found && `${found.to} may create ${found.on}`;
}

/** The pattern that makes a package private; `undefined`: none does. The closest pattern counts: the name, its scope, all. */
export function privacyOf({ visibility }: Pick<RightsSpec, "visibility">, name: string): string | undefined {
  const scope = name.startsWith("@") ? `${name.slice(0, name.indexOf("/"))}/*` : undefined;
  const patterns = [name, ...(scope === undefined ? [] : [scope]), "**"];
  const closest = patterns.find((pattern) => own(visibility, pattern) !== undefined);
  return closest !== undefined && own(visibility, closest) === "private" ? closest : undefined;
}

/** A person has rights as the owner of a package and as a member of an organisation. A service of the same name has none of them. */
function* ofPerson(rights: RightsSpec, principal: NamedPrincipal, { name, packument }: AccessTarget): Iterable<Held> {
  if (!isPerson(principal)) return;
  if (packument?.maintainers?.some((owner) => owner.name === principal.name))
    yield { role: "admin", rule: `${principal.name} owns ${name}` };
  const org = orgOf(rights, name);
  const member = org === undefined ? undefined : memberRole(rights, principal, org);
  if (member)
    yield { role: member === "developer" ? "read" : "admin", rule: `${principal.name} is ${member} of ${org}` };
}

/**
 * Whether a user belongs to a team.
 *
 * @example isMember(rights, "acme:web", "bob")
 */
export function isMember({ orgs }: Pick<RightsSpec, "orgs">, team: string, user: string): boolean {
  const [org = "", name = ""] = team.split(":", 2);
  return own(own(orgs, org)?.teams, name)?.includes(user) === true;
}

/** The rules for tags that hold for all packages of the scope that a package is in. */
export function scopeRules({ rules }: Pick<RightsSpec, "rules">, name: string): readonly TagRule[] {
  return (name.startsWith("@") ? own(rules, `${name.slice(0, name.indexOf("/"))}/*`) : undefined) ?? [];
}

/** The organisation whose scope a package is in. */
function orgOf({ orgs }: RightsSpec, name: string): string | undefined {
  const scope = name.startsWith("@") ? name.slice(1, name.indexOf("/")) : undefined;
  return scope !== undefined && own(orgs, scope) ? scope : undefined;
}

function memberRole({ orgs }: RightsSpec, principal: NamedPrincipal, org: string): OrgRole | undefined {
  return isPerson(principal) ? own(own(orgs, org)?.members, principal.name) : undefined;
}

function subjectsOf({ orgs }: RightsSpec, principal: NamedPrincipal): ReadonlySet<string> {
  if (!isPerson(principal)) return new Set(["services", `${principal.kind}:${principal.name}`]);
  const { name } = principal;
  const groups = (groupsOf(principal) ?? []).map((group) => `group:${group}`);
  const teams = Object.entries(orgs).flatMap(([org, { teams }]) =>
    Object.entries(teams).flatMap(([team, members]) => (members.includes(name) ? [`team:${org}:${team}`] : [])),
  );
  return new Set(["everybody", `user:${name}`, ...teams, ...groups]);
}

/** The groups in which a sign-in provider says that a person is; `undefined` for a principal that is no person. */
export function groupsOf(principal: NamedPrincipal): readonly string[] | undefined {
  return principal.kind === "user" || principal.kind === "token" ? principal.groups : undefined;
}

function isPerson({ kind }: NamedPrincipal): boolean {
  return kind === "user" || kind === "token";
}

const rank = (role: Role) => ROLES.indexOf(role);
