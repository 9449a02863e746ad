import { own, without } from "../domain/packument.ts";
import type { TagRule } from "../domain/tag-rule.ts";
import type { OrgRole, RightsSpec, Role } from "./rights.ts";

/** An organisation or a team that does not exist. */
export class NoSuchGroup extends Error {
  override readonly name = "NoSuchGroup";
}

/** The members and teams of an organisation. @throws NoSuchGroup */
export function orgIn({ orgs }: RightsSpec, org: string): RightsSpec["orgs"][string] {
  const found = own(orgs, org);
  if (found) return found;
  throw new NoSuchGroup(
    `there is no organisation "${org}"; an administrator creates it with "npm org set ${org} USER owner"`,
  );
}

/** The members of a team. @throws NoSuchGroup */
export function teamIn(rights: RightsSpec, org: string, team: string): readonly string[] {
  const found = own(orgIn(rights, org).teams, team);
  if (found) return found;
  throw new NoSuchGroup(`there is no team "${org}:${team}"; create it with "npm team create ${org}:${team}"`);
}

/** `npm org set`: adds a member, or changes its role. The first member creates the organisation. */
export function setMember(rights: RightsSpec, org: string, user: string, role: OrgRole): RightsSpec {
  const { members, teams } = own(rights.orgs, org) ?? { members: {}, teams: {} };
  return withOrg(rights, org, { members: { ...members, [user]: role }, teams });
}

/** `npm org rm`: removes a member, also from the teams. @throws NoSuchGroup */
export function removeMember(rights: RightsSpec, org: string, user: string): RightsSpec {
  const { members, teams } = orgIn(rights, org);
  const left = Object.entries(teams).map(([team, users]) => [team, users.filter((name) => name !== user)] as const);
  return withOrg(rights, org, { members: without(members, [user]), teams: Object.fromEntries(left) });
}

/** `npm team create`. A team that exists keeps its members. @throws NoSuchGroup */
export function createTeam(rights: RightsSpec, org: string, team: string): RightsSpec {
  const { members, teams } = orgIn(rights, org);
  return withOrg(rights, org, { members, teams: { ...teams, [team]: own(teams, team) ?? [] } });
}

/** `npm team destroy`: also ends what the team was granted, so that a new team of the name does not inherit it. @throws NoSuchGroup */
export function destroyTeam(rights: RightsSpec, org: string, team: string): RightsSpec {
  teamIn(rights, org, team);
  const { members, teams } = orgIn(rights, org);
  const gone = subjectOf(org, team);
  return {
    ...withOrg(rights, org, { members, teams: without(teams, [team]) }),
    grants: rights.grants.filter(({ to }) => to !== gone),
    create: rights.create.filter(({ to }) => to !== gone),
  };
}

/** `npm team add` and `rm`. @throws NoSuchGroup */
export function editTeam(
  rights: RightsSpec,
  org: string,
  team: string,
  edit: (members: readonly string[]) => readonly string[],
): RightsSpec {
  const users = edit(teamIn(rights, org, team));
  const { members, teams } = orgIn(rights, org);
  return withOrg(rights, org, { members, teams: { ...teams, [team]: [...new Set(users)] } });
}

/** `npm access grant` and `revoke`: the role of a team for one package; `undefined`: none. @throws NoSuchGroup */
export function setTeamRole(
  rights: RightsSpec,
  { org, team }: { readonly org: string; readonly team: string },
  name: string,
  role: Role | undefined,
): RightsSpec {
  teamIn(rights, org, team);
  const to = subjectOf(org, team);
  const others = rights.grants.filter((grant) => !(grant.to === to && grant.on === name));
  return { ...rights, grants: role === undefined ? others : [...others, { to, role, on: name }] };
}

/** `npm access set status`. */
export function setVisibility(rights: RightsSpec, name: string, visibility: "private" | "public"): RightsSpec {
  return { ...rights, visibility: { ...rights.visibility, [name]: visibility } };
}

/** Disables a user, or enables one again. */
export function setDisabled(rights: RightsSpec, user: string, disabled: boolean): RightsSpec {
  const others = (rights.disabled ?? []).filter((name) => name !== user);
  return { ...rights, disabled: disabled ? [...others, user] : others };
}

/** The roles of a team for single packages, as `npm access list packages` shows them. */
export function packagesOfTeam(rights: RightsSpec, org: string, team: string): Readonly<Record<string, Role>> {
  teamIn(rights, org, team);
  const to = subjectOf(org, team);
  return Object.fromEntries(rights.grants.filter((grant) => grant.to === to).map(({ on, role }) => [on, role]));
}

/**
 * The rules for tags of all packages in a scope; `[]`: none.
 *
 * @example setScopeRules(rights, "@acme", [{ tags: "latest", forward: true }])
 */
export function setScopeRules(rights: RightsSpec, scope: string, rules: TagRule[]): RightsSpec {
  const { rules: before = {}, ...others } = rights;
  const after = { ...without(before, [`${scope}/*`]), ...(rules.length === 0 ? {} : { [`${scope}/*`]: rules }) };
  return Object.keys(after).length === 0 ? others : { ...others, rules: after };
}

/** Everybody whom the rights name. */
export function usersIn({ orgs, grants, create, disabled = [] }: RightsSpec): readonly string[] {
  const members = Object.values(orgs).flatMap(({ members, teams }) => [
    ...Object.keys(members),
    ...Object.values(teams).flat(),
  ]);
  const named = [...grants, ...create].flatMap(({ to }) => (to.startsWith("user:") ? [to.slice("user:".length)] : []));
  return [...new Set([...members, ...named, ...disabled])].toSorted();
}

const subjectOf = (org: string, team: string) => `team:${org}:${team}`;

function withOrg(rights: RightsSpec, org: string, value: RightsSpec["orgs"][string]): RightsSpec {
  return { ...rights, orgs: { ...rights.orgs, [org]: value } };
}
