import { ANONYMOUS, readablePackages, roleOf, usersIn, type ListFilter, type Packument } from "@codebox/core";
import { namedCaller } from "../auth.ts";
import type { AppContext, ReadPorts, RightsPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";
import { storedRights } from "../rights.ts";

type AccessPorts = ReadPorts & Pick<RightsPorts, "rights">;

/** Longest name of a user or a scope in a path, in characters. */
const OWNER_MAX = 214;

/**
 * Who may do what, to read: `npm access list packages`, `list collaborators` and `get status`, `npm stars` and `pnpm stars`. npm and pnpm ask at
 * different paths, or for different shapes with `?format=cli`. Source: libnpmaccess lib/index.js; npm lib/commands/stars.js.
 */
export const accessRoutes = (ports: AccessPorts): RouteGroup => {
  const { catalog, policy, searchIndex } = ports;
  const readable = async (c: AppContext, filter: ListFilter) => {
    const names = (await searchIndex.list(filter)).map(({ name }) => name);
    return readablePackages(catalog, c.get("principal"), names);
  };
  const isVisible = async (packument: Packument) => {
    await storedRights(ports);
    return policy.may(ANONYMOUS, "read", { name: packument.name, packument }).allowed;
  };
  const ownedBy = async (c: AppContext, user: string) => {
    const owned = await readable(c, { maintainer: user });
    return Object.fromEntries(owned.map(({ name }) => [name, "write"]));
  };
  const starredBy = async (c: AppContext, user: string) => {
    const starred = await readable(c, { starredBy: user });
    return starred.map(({ name }) => name);
  };
  return routeGroup("read", (on) => {
    on.get("/-/user/:user/package", async (c) => c.json(await ownedBy(c, owner(c, "user"))));
    // pnpm, without an argument: the caller's own.
    on.get("/-/-/package", async (c) => c.json(await ownedBy(c, namedCaller(c).name)));
    // npm asks here first, also for a user, and goes on to the user after a 404.
    on.get("/-/org/:scope/package", async (c) => {
      const scope = owner(c, "scope").replace(/^@/, "");
      const packages = await readable(c, { scope: `@${scope}` });
      if (packages.length === 0) throw new ApiError("not_found", `there is no package in the scope "@${scope}" here`);
      const may = (packument: Packument) =>
        policy.may(c.get("principal"), "publish", { name: packument.name, packument }).allowed ? "write" : "read";
      return c.json(Object.fromEntries(packages.map((packument) => [packument.name, may(packument)])));
    });

    on.get("/-/package/:name/collaborators", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      const user = c.req.query("user");
      const held = (await collaborators(ports, packument)).filter(([name]) => user === undefined || name === user);
      if (!wantsList(c)) return c.json(Object.fromEntries(held));
      const emailOf = (name: string) => packument.maintainers?.find((owner) => owner.name === name)?.email;
      return c.json(held.map(([name, permissions]) => ({ user: name, email: emailOf(name), permissions })));
    });
    on.get("/-/package/:name/visibility", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      return c.json({ public: await isVisible(packument) });
    });
    on.get("/-/package/:name/access", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      return c.json({ access: (await isVisible(packument)) ? "public" : "restricted" });
    });

    on.get("/-/_view/starredByUser", async (c) => {
      // npm puts the name in quotes, as a key of CouchDB is.
      const user = (c.req.query("key") ?? "").replace(/^"(.*)"$/, "$1");
      if (user === "" || user.length > OWNER_MAX)
        throw new ApiError("invalid", 'name the user in "key", in quotes: ?key="alice"');
      return c.json({ rows: (await starredBy(c, user)).map((name) => ({ key: user, value: name })) });
    });
    on.get("/-/user/:user/stars", async (c) => {
      const starred = await starredBy(c, owner(c, "user"));
      return c.json(Object.fromEntries(starred.map((name) => [name, true])));
    });
  });
};

/** The owners, and those to whom the rights give a role by name, as members or through a team. */
async function collaborators(
  ports: Pick<RightsPorts, "rights" | "policy">,
  packument: Packument,
): Promise<readonly (readonly [string, "read" | "write"])[]> {
  const { rights } = await storedRights(ports);
  const owners = (packument.maintainers ?? []).map(({ name }) => name);
  const target = { name: packument.name, packument };
  return [...new Set([...owners, ...usersIn(rights)])].flatMap((name) => {
    const held = roleOf(rights, { kind: "user", name }, target, { named: true });
    return held ? [[name, held.role === "read" ? "read" : "write"] as const] : [];
  });
}

/** pnpm fails on a map, and npm up to 8 on a list; both ask with `?format=cli`. Source: libnpmaccess 6, lib/index.js, lsCollaborators. */
function wantsList(c: AppContext): boolean {
  return c.req.query("format") === "cli" && !(c.req.header("user-agent") ?? "").startsWith("npm/");
}

function owner(c: AppContext, parameter: string): string {
  const value = c.req.param(parameter) ?? "";
  if (value.length > OWNER_MAX) throw new ApiError("invalid", `a name has at most ${OWNER_MAX} characters`);
  return value;
}
