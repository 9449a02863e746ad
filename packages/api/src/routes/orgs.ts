import {
  createTeam,
  destroyTeam,
  editTeam,
  GroupName,
  orgIn,
  ORG_ROLES,
  packagesOfTeam,
  removeMember,
  setMember,
  setTeamRole,
  teamIn,
  UserName,
  type RightsSpec,
} from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AppContext, RightsPorts } from "../context.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { editRights, storedRights } from "../rights.ts";
import { CREDENTIALS_BYTES_MAX, parseBody } from "./sign-in.ts";

const MemberName = z
  .string()
  .transform((text) => text.replace(/^[@~]/, ""))
  .pipe(UserName);
const Member = z.looseObject({ user: MemberName });
const NewMember = Member.extend({
  role: z.enum(ORG_ROLES, { error: 'must be "developer", "admin" or "owner"' }).default("developer"),
});
const NewTeam = z.looseObject({ name: GroupName });
const TeamGrant = z.looseObject({ package: z.string().max(214) });
const NewTeamGrant = TeamGrant.extend({
  permissions: z.enum(["read-only", "read-write"], { error: 'must be "read-only" or "read-write"' }),
});

/** Reading organisations and teams. Source: libnpmorg, libnpmteam, libnpmaccess. npm asks with `?format=cli`, pnpm without. */
export const orgReadRoutes = (ports: RightsPorts): RouteGroup =>
  routeGroup("read", (on) => {
    const read = async (c: AppContext) => {
      namedCaller(c);
      return (await storedRights(ports)).rights;
    };
    const list = (c: AppContext, names: readonly string[]) =>
      c.json(c.req.query("format") === "cli" ? names : names.map((name) => ({ name })));
    on.get("/-/org/:org/user", async (c) => c.json(orgIn(await read(c), group(c, "org")).members));
    on.get("/-/org/:org/team", async (c) => {
      const org = group(c, "org");
      const teams = Object.keys(orgIn(await read(c), org).teams);
      return list(c, c.req.query("format") === "cli" ? teams.map((team) => `${org}:${team}`) : teams);
    });
    on.get("/-/team/:org/:team/user", async (c) => list(c, teamIn(await read(c), group(c, "org"), group(c, "team"))));
    on.get("/-/team/:org/:team/package", async (c) => {
      const roles = packagesOfTeam(await read(c), group(c, "org"), group(c, "team"));
      const shown = Object.entries(roles).map(([name, role]) => [name, role === "read" ? "read" : "write"]);
      return c.json(Object.fromEntries(shown));
    });
  });

/** `npm org set|rm`, `npm team create|destroy|add|rm`, `npm access grant|revoke`. */
export const orgWriteRoutes = (ports: RightsPorts): RouteGroup =>
  routeGroup("write", (on) => {
    const body = async <T>(c: AppContext, schema: z.ZodType<T>) =>
      parseBody(schema, await readJson(c, CREDENTIALS_BYTES_MAX));
    /** For those who manage the organisation; a new one is for administrators of the registry. */
    const edit = async (c: AppContext, org: string, what: string, change: (rights: RightsSpec) => RightsSpec) => {
      const { rights } = await storedRights(ports);
      const target = { name: `@${org}/*`, packument: undefined };
      const isNew = !Object.hasOwn(rights.orgs, org);
      demand(isNew ? ports.policy.may(namedCaller(c), "admin") : ports.policy.may(namedCaller(c), "access", target));
      return editRights(c, ports, what, change);
    };

    on.put("/-/org/:org/user", async (c) => {
      const org = group(c, "org");
      const { user, role } = await body(c, NewMember);
      const after = await edit(c, org, `${user} is ${role} of ${org}`, (rights) => setMember(rights, org, user, role));
      return c.json({ org: { name: org, size: Object.keys(orgIn(after, org).members).length }, user, role }, 201);
    });
    on.delete("/-/org/:org/user", async (c) => {
      const org = group(c, "org");
      const { user } = await body(c, Member);
      await edit(c, org, `${user} is no member of ${org}`, (rights) => removeMember(rights, org, user));
      return c.body(null, 204);
    });
    on.put("/-/org/:org/team", async (c) => {
      const org = group(c, "org");
      const { name } = await body(c, NewTeam);
      await edit(c, org, `team ${org}:${name} created`, (rights) => createTeam(rights, org, name));
      return c.json({ name }, 201);
    });
    on.delete("/-/team/:org/:team", async (c) => {
      const [org, team] = [group(c, "org"), group(c, "team")];
      await edit(c, org, `team ${org}:${team} destroyed`, (rights) => destroyTeam(rights, org, team));
      return c.body(null, 204);
    });
    on.put("/-/team/:org/:team/user", async (c) => {
      const [org, team] = [group(c, "org"), group(c, "team")];
      const { user } = await body(c, Member);
      const add = (rights: RightsSpec) => editTeam(rights, org, team, (members) => [...members, user]);
      await edit(c, org, `${user} added to ${org}:${team}`, add);
      return c.json({ user }, 201);
    });
    on.delete("/-/team/:org/:team/user", async (c) => {
      const [org, team] = [group(c, "org"), group(c, "team")];
      const { user } = await body(c, Member);
      const remove = (rights: RightsSpec) =>
        editTeam(rights, org, team, (members) => members.filter((name) => name !== user));
      await edit(c, org, `${user} removed from ${org}:${team}`, remove);
      return c.body(null, 204);
    });

    const setRole = async (c: AppContext, name: string, role: "read" | "publish" | undefined) => {
      const groups = { org: group(c, "org"), team: group(c, "team") };
      const [{ packument } = { packument: undefined }] = await Promise.all([
        ports.reader.read(name),
        storedRights(ports),
      ]);
      demand(ports.policy.may(namedCaller(c), "access", { name, packument }));
      const what = `${groups.org}:${groups.team} has ${role === undefined ? "no role" : `the role ${role}`} on ${name}`;
      await editRights(c, ports, what, (rights) => setTeamRole(rights, groups, name, role));
    };
    on.put("/-/team/:org/:team/package", async (c) => {
      const { package: name, permissions } = await body(c, NewTeamGrant);
      await setRole(c, name, permissions === "read-only" ? "read" : "publish");
      return c.json({ package: name, permissions }, 201);
    });
    on.delete("/-/team/:org/:team/package", async (c) => {
      const { package: name } = await body(c, TeamGrant);
      await setRole(c, name, undefined);
      return c.body(null, 204);
    });
  });

/** The name of an organisation or a team in the path, with or without npm's `@`. @throws ApiError `invalid` */
function group(c: AppContext, parameter: string): string {
  return parseBody(GroupName, (c.req.param(parameter) ?? "").replace(/^@/, ""));
}
