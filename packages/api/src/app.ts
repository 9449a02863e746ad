import { Hono } from "hono";
import { authentication } from "./auth.ts";
import type { ApiPorts, ApiSettings, App, AppEnv, Routes } from "./context.ts";
import { ApiError, asApiError, errorResponse } from "./errors.ts";
import { canonicalPath } from "./paths.ts";
import { accountRoutes } from "./routes/account.ts";
import { distTagRoutes } from "./routes/dist-tags.ts";
import { packageWriteRoutes } from "./routes/package-write.ts";
import { packumentRoutes } from "./routes/packument.ts";
import { searchRoutes } from "./routes/search.ts";
import { statusRoutes } from "./routes/status.ts";
import { tarballRoutes } from "./routes/tarball.ts";

/** No package is called `-`: what is left under it is no route. */
export const nothingElse: Routes = (app) => {
  app.all("/-/*", (c) => c.notFound());
};

/** In this order: what stands under `/-/` before what begins with a package's name. */
const ALL: readonly Routes[] = [
  statusRoutes,
  searchRoutes,
  accountRoutes,
  distTagRoutes,
  nothingElse,
  packageWriteRoutes,
  tarballRoutes,
  packumentRoutes,
];

/**
 * The whole HTTP surface as one app.
 *
 * @example const app = createApp(ports, settings); await app.request("/-/ping");
 * @param extra routes that only one deployment has; they come first.
 * @param routes which of the surface's own routes to serve. Default: all. A Lambda with narrower rights serves fewer.
 */
export function createApp(
  ports: ApiPorts,
  settings: ApiSettings,
  extra: readonly Routes[] = [],
  routes: readonly Routes[] = ALL,
): App {
  const app: App = new Hono<AppEnv>({ getPath });
  app.onError((error, c) => {
    const known = asApiError(error);
    if (known.code === "internal" || known.code === "unavailable")
      ports.onFailure?.(error, { method: c.req.method, path: loggedPath(c.req.path) });
    return errorResponse(c, known);
  });
  app.notFound((c) => errorResponse(c, unrouted(app, c.req.method, c.req.path)));
  app.use(async (c, next) => {
    const started = ports.clock.now().getTime();
    c.set("origin", settings.publicUrl ?? new URL(c.req.url).origin);
    await next();
    const user = c.get("identity")?.name;
    const command = c.req.header("npm-command");
    ports.onRequest?.({
      method: c.req.method,
      path: loggedPath(c.req.path),
      status: c.res.status,
      ms: ports.clock.now().getTime() - started,
      ...(user === undefined ? {} : { user }),
      ...(command === undefined ? {} : { command }),
    });
  });
  app.use(async (c, next) => {
    canonicalPath(rawPath(c.req.raw));
    await next();
  });
  app.use(authentication(ports, settings));
  for (const add of [...extra, ...routes]) add(app, ports, settings);
  return app;
}

const METHODS = ["GET", "PUT", "POST", "DELETE"];

/** 405 with `allow` for a path that has other methods, else 404. */
function unrouted(app: App, method: string, path: string): ApiError {
  const what = `${method} ${path.slice(0, 300)} is not a route of this registry`;
  const own = path.startsWith("/-/");
  const allowed = METHODS.filter((other) =>
    app.router
      .match(other, path)[0]
      .some(([[, route]]) => route.method === other && (!own || route.path.startsWith("/-/"))),
  ).flatMap((other) => (other === "GET" ? ["GET", "HEAD"] : [other]));
  if (allowed.length === 0 || allowed.includes(method)) return new ApiError("not_found", what);
  const allow = allowed.join(", ");
  return new ApiError("method_not_allowed", `${what}; this path takes ${allow}`, { allow });
}

/** Signing out has the token in its path, and tokens are never logged. */
function loggedPath(path: string): string {
  return path.replace(/^(\/-\/user\/token\/|\/-\/npm\/v1\/tokens\/token\/).*/, "$1…");
}

/** The router sees one spelling of every path; a path that is none of ours is told so by the middleware above. */
function getPath(request: Request): string {
  try {
    return canonicalPath(rawPath(request));
  } catch {
    return "/-/malformed-path";
  }
}

function rawPath(request: Request): string {
  const start = request.url.indexOf("/", request.url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = request.url.slice(start).search(/[?#]/);
  return end < 0 ? request.url.slice(start) : request.url.slice(start, start + end);
}
