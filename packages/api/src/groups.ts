import type { Context, Handler, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { authorise, type Right } from "./auth.ts";
import type { App, AppEnv, AppPorts } from "./context.ts";

/** Routes that need the same right. The app puts the check in front of each of them, so that none can forget it. */
export type RouteGroup = { readonly right: Right; readonly routes: readonly Route[] };

/** One route of a group. `filters` run after the check of the right and before the handler. */
export type Route = {
  readonly method: Method;
  readonly path: string;
  readonly filters: readonly MiddlewareHandler<AppEnv>[];
  readonly handler: Handler<AppEnv>;
};

/** A method that routes are declared with. HEAD is answered by GET's route. */
export type Method = "GET" | "PUT" | "POST" | "DELETE";

type Add = <Path extends string>(
  path: Path,
  handler: (c: Context<AppEnv, Path>) => Response | Promise<Response>,
) => void;

/**
 * Declares a group of routes and the right that all of them need.
 *
 * @example routeGroup("read", (on) => on.get("/-/package/:name/history", async (c) => c.json(await history(c))))
 *
 * A path under `/-/` is a route of the registry itself; any other begins with a package's name.
 */
export function routeGroup(right: Right, declare: (on: Readonly<Record<Lowercase<Method>, Add>>) => void): RouteGroup {
  const routes: Route[] = [];
  const adder =
    (method: Method): Add =>
    (path, handler) => {
      routes.push({ method, path, filters: [], handler });
    };
  declare({ get: adder("GET"), put: adder("PUT"), post: adder("POST"), delete: adder("DELETE") });
  return { right, routes };
}

/** A group with a filter in front of each handler, for what only one deployment needs. */
export function withFilter({ right, routes }: RouteGroup, filter: MiddlewareHandler<AppEnv>): RouteGroup {
  return { right, routes: routes.map((route) => ({ ...route, filters: [...route.filters, filter] })) };
}

/** Adds the routes of groups to an app, each behind the check of its right. */
export function addGroups(app: App, ports: GatePorts, groups: readonly RouteGroup[]): void {
  for (const { right, routes } of groups)
    for (const { method, path, filters, handler } of routes)
      app.on(method, path, gate(ports, right), ...filters, handler);
}

/** A route as `routesOf` lists it. `right` is undefined for a route that was added without a group: nothing checks it. */
export type RouteEntry = { readonly method: string; readonly path: string; readonly right: Right | undefined };

/**
 * Every route of an app with the right that it needs, from the app's own routing table.
 *
 * @example routesOf(app) // [{ method: "GET", path: "/-/whoami", right: "account" }, …]
 */
export function routesOf(app: App): readonly RouteEntry[] {
  const rights = new Map<string, RouteEntry>();
  for (const { method, path, handler } of app.routes) {
    // Middleware, and the answer to a path that is no route.
    if (method === "ALL" && path.endsWith("/*")) continue;
    const key = `${method} ${path}`;
    const right = rights.get(key)?.right ?? rightOf(handler);
    rights.set(key, { method, path, right });
  }
  return [...rights.values()];
}

type GatePorts = Pick<AppPorts, "policy" | "onTokenUse">;

/** The check of a right, as it is in the routing table. */
type Gate = MiddlewareHandler<AppEnv> & { readonly right: Right };

function gate({ policy, onTokenUse }: GatePorts, right: Right): Gate {
  const check = createMiddleware<AppEnv>(async (c, next) => {
    c.set("right", right);
    await authorise(c, policy, right);
    const principal = c.get("principal");
    const isOurs = principal.kind === "token" && !principal.ofProvider;
    const used = RECORDED.has(right) && isOurs ? onTokenUse?.(principal.tokenHash) : undefined;
    await next();
    await used;
    if (PERSONAL.has(right)) c.header("cache-control", "no-store");
  });
  return Object.assign(check, { right });
}

/** Answers that are about the caller, tokens among them: no cache may keep them. */
const PERSONAL: ReadonlySet<Right> = new Set(["sign-in", "account", "admin"]);

/** The use of a token for these is recorded. Reading packages is not: reading never writes. */
const RECORDED: ReadonlySet<Right> = new Set(["stage", "write", "account", "admin"]);

function rightOf(handler: object): Right | undefined {
  return "right" in handler ? (handler as Gate).right : undefined;
}
