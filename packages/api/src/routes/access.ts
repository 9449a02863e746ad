import { ANONYMOUS, readablePackages, type PackageIndex, type PackageSummary, type Packument } from "@codebox/core";
import { namedCaller } from "../auth.ts";
import type { AppContext, AppPorts, ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";

type AccessPorts = ReadPorts & Pick<AppPorts, "policy">;

/** Longest name of a user or a scope in a path, in characters. */
const OWNER_MAX = 214;

/**
 * Who may do what, to read: `npm access list packages`, `list collaborators` and `get status`, `npm stars`. npm and pnpm ask at
 * different paths, or for different shapes with `?format=cli`. Source: libnpmaccess lib/index.js; npm lib/commands/stars.js.
 */
export const accessRoutes = (ports: AccessPorts, index: PackageIndex): RouteGroup => {
  const { catalog, policy } = ports;
  const readable = async (c: AppContext, chosen: (one: PackageSummary) => boolean) => {
    const names = (await index.all()).filter(chosen).map(({ name }) => name);
    return readablePackages(catalog, c.get("principal"), names.toSorted());
  };
  const isVisible = (packument: Packument) =>
    policy.may(ANONYMOUS, "read", { name: packument.name, packument }).allowed;
  const ownedBy = async (c: AppContext, user: string) => {
    const owned = await readable(c, ({ maintainers }) => maintainers.some(({ name }) => name === user));
    return Object.fromEntries(owned.map(({ name }) => [name, "write"]));
  };
  return routeGroup("read", (on) => {
    on.get("/-/user/:user/package", async (c) => c.json(await ownedBy(c, owner(c, "user"))));
    // pnpm, without an argument: the caller's own.
    on.get("/-/-/package", async (c) => c.json(await ownedBy(c, namedCaller(c).name)));
    // npm asks here first, also for a user, and goes on to the user after a 404.
    on.get("/-/org/:scope/package", async (c) => {
      const scope = owner(c, "scope").replace(/^@/, "");
      const packages = await readable(c, ({ name }) => name.startsWith(`@${scope}/`));
      if (packages.length === 0) throw new ApiError("not_found", `there is no package in the scope "@${scope}" here`);
      const may = (packument: Packument) =>
        policy.may(c.get("principal"), "publish", { name: packument.name, packument }).allowed ? "write" : "read";
      return c.json(Object.fromEntries(packages.map((packument) => [packument.name, may(packument)])));
    });

    on.get("/-/package/:name/collaborators", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      const owners = packument.maintainers ?? [];
      if (c.req.query("format") !== "cli") return c.json(Object.fromEntries(owners.map(({ name }) => [name, "write"])));
      const user = c.req.query("user");
      const chosen = owners.filter(({ name }) => user === undefined || name === user);
      return c.json(chosen.map(({ name, email }) => ({ user: name, email, permissions: "write" })));
    });
    on.get("/-/package/:name/visibility", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      return c.json({ public: isVisible(packument) });
    });
    on.get("/-/package/:name/access", async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      return c.json({ access: isVisible(packument) ? "public" : "restricted" });
    });

    on.get("/-/_view/starredByUser", async (c) => {
      // npm puts the name in quotes, as a key of CouchDB is.
      const user = (c.req.query("key") ?? "").replace(/^"(.*)"$/, "$1");
      if (user === "" || user.length > OWNER_MAX)
        throw new ApiError("invalid", 'name the user in "key", in quotes: ?key="alice"');
      const starred = await readable(c, ({ stars }) => stars.includes(user));
      return c.json({ rows: starred.map(({ name }) => ({ key: user, value: name })) });
    });
  });
};

function owner(c: AppContext, parameter: string): string {
  const value = c.req.param(parameter) ?? "";
  if (value.length > OWNER_MAX) throw new ApiError("invalid", `a name has at most ${OWNER_MAX} characters`);
  return value;
}
