import { ANONYMOUS, createTrustStore, type AuditEvent } from "@codebox/core";
import { CHANGE_HEADER } from "./submission.ts";
import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { authentication, authorise } from "./auth.ts";
import type { ApiPorts, ApiSettings, App, AppContext, AppEnv, AppPorts } from "./context.ts";
import { ApiError, asApiError, type ErrorCode, errorResponse } from "./errors.ts";
import { addGroups, type Method, type RouteGroup } from "./groups.ts";
import { misdirected } from "./hosts.ts";
import { createIntake } from "./intake.ts";
import { loggable } from "./loggable.ts";
import { canonicalPath, pathProblem, rawPath } from "./paths.ts";
import { keepEvents } from "./audit-events.ts";
import { accessRoutes } from "./routes/access.ts";
import { confirmRoutes } from "./routes/confirm.ts";
import { requestLog } from "./request-log.ts";
import { accountRoutes } from "./routes/account.ts";
import { auditRoutes } from "./routes/audit.ts";
import { contractRoutes } from "./routes/contract-documents.ts";
import { distTagReadRoutes, distTagWriteRoutes } from "./routes/dist-tags.ts";
import { orgReadRoutes, orgWriteRoutes } from "./routes/orgs.ts";
import { giveBackRoutes } from "./routes/give-back.ts";
import { ownerRoutes } from "./routes/owners.ts";
import { exchangeRoutes } from "./routes/exchange.ts";
import { packageWriteRoutes } from "./routes/package-write.ts";
import { packumentRoutes } from "./routes/packument.ts";
import { profileRoutes } from "./routes/profile.ts";
import { releaseReadRoutes, releaseWriteRoutes } from "./routes/releases.ts";
import { ruleReadRoutes, ruleWriteRoutes } from "./routes/rules.ts";
import { rightsReadRoutes, rightsWriteRoutes } from "./routes/rights.ts";
import { searchRoutes } from "./routes/search.ts";
import { signatureRoutes } from "./routes/signatures.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { signOutRoutes } from "./routes/sign-out.ts";
import { publicRoutes, statusRoutes } from "./routes/status.ts";
import { tarballRoutes } from "./routes/tarball.ts";
import { undoRoutes } from "./routes/undo.ts";
import { stageReadRoutes, stageReviewRoutes, stageRoutes } from "./routes/stage.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { webLoginRoutes } from "./routes/web-login.ts";
import { trustReadRoutes, trustWriteRoutes } from "./routes/trust.ts";

/**
 * Every group of routes that all deployments have. A Lambda with narrower rights serves some of them.
 *
 * @example createApp(ports, settings, [...registryRoutes(ports, settings), eventRoutes(events, revocations, clock, stopping)]);
 */
export function registryRoutes(ports: ApiPorts, settings: ApiSettings): readonly RouteGroup[] {
  const trust = createTrustStore(ports);
  return [
    publicRoutes(ports),
    contractRoutes(),
    statusRoutes(ports),
    auditRoutes(ports),
    signatureRoutes(ports),
    searchRoutes(ports),
    accessRoutes(ports),
    signInRoutes(ports, settings),
    webLoginRoutes(ports, settings),
    signOutRoutes(ports),
    profileRoutes(ports),
    confirmRoutes(ports),
    accountRoutes(ports),
    tokenRoutes(ports, settings),
    exchangeRoutes({ ...ports, trust }),
    trustReadRoutes({ ...ports, trust }),
    trustWriteRoutes({ ...ports, trust }),
    distTagReadRoutes(ports),
    distTagWriteRoutes(ports, settings),
    undoRoutes(ports, settings),
    releaseReadRoutes(ports),
    releaseWriteRoutes(ports, settings),
    ruleReadRoutes(ports),
    ruleWriteRoutes(ports, settings),
    stageReadRoutes(ports),
    stageRoutes(ports, settings),
    stageReviewRoutes(ports, settings),
    packageWriteRoutes(ports, settings),
    ownerRoutes(ports, settings),
    giveBackRoutes(ports, settings),
    orgReadRoutes(ports),
    orgWriteRoutes(ports),
    rightsReadRoutes(ports),
    rightsWriteRoutes(ports),
    tarballRoutes(ports),
    packumentRoutes(ports, settings),
  ];
}

/** Failures that need somebody who looks at the registry. */
const LOGGED: ReadonlySet<ErrorCode> = new Set(["internal", "unavailable", "storage_full"]);

/**
 * An HTTP app that serves groups of routes, in any order.
 *
 * @example const app = createApp(ports, settings, registryRoutes(ports, settings)); await app.request("/-/ping");
 */
export function createApp(
  ports: AppPorts,
  settings: Pick<ApiSettings, "publicUrl" | "isKnownHost">,
  groups: readonly RouteGroup[],
): App {
  const problems = new WeakMap<Request, ApiError>();
  const app: App = new Hono<AppEnv>({ getPath: (request) => pathOf(request, problems) });
  app.onError((error, c) => {
    const known = asApiError(error);
    c.set("refusedBy", known.rule ?? known.message);
    if (LOGGED.has(known.code)) ports.onFailure?.(error, { method: c.req.method, path: loggable(c.req.path) });
    return errorResponse(c, known);
  });
  app.use(async (c, next) => {
    const started = ports.clock.now().getTime();
    c.set("principal", ANONYMOUS);
    c.set("origin", settings.publicUrl ?? new URL(c.req.url).origin);
    // Else a browser could take a readme or an error for a page. Set before the answer exists: later, its body would become a stream.
    c.header("x-content-type-options", "nosniff");
    const events: AuditEvent[] = [];
    c.set("audit", (event) => void events.push(event));
    await next();
    logRequest(c, ports, started);
    await keepEvents(c, ports, events);
  });
  app.use(async (c, next) => {
    const problem = problems.get(c.req.raw);
    if (problem) throw problem;
    const { host } = new URL(c.req.url);
    if (settings.isKnownHost?.(host) === false && !isProbe(c.req.path)) throw misdirected(host);
    await next();
  });
  app.use(authentication(ports));
  app.use(intake(ports));
  addSection(app, ports, "/-", groups);
  addSection(app, ports, "", groups);
  return app;
}

/** Gives every request an allowance for its body, until it is answered. */
function intake({ clock, addressOf }: Pick<AppPorts, "clock" | "addressOf">) {
  const { open } = createIntake(clock);
  return createMiddleware<AppEnv>(async (c, next) => {
    const allowance = open({ address: addressOf?.(c), isNamed: () => c.get("principal").kind !== "anonymous" });
    c.set("allowance", allowance);
    try {
      await next();
    } finally {
      allowance.close();
    }
  });
}

/** The two parts of the paths: the registry's own routes under `/-`, which is no package's name, and the packages. */
type Prefix = "/-" | "";

/** Mounts the routes of one part. A path that is none of them is answered here, so that nothing falls through to the other part. */
function addSection(app: App, ports: AppPorts, prefix: Prefix, groups: readonly RouteGroup[]): void {
  const section: App = new Hono<AppEnv>();
  addGroups(
    section,
    ports,
    groups.map((group) => within(group, prefix)),
  );
  app.route(prefix || "/", section);
  app.all(`${prefix}/*`, async (c) => {
    await authorise(c, ports.policy, "read");
    throw unrouted(section, c.req.method, c.req.path, prefix);
  });
}

/** The routes of a group that belong to one part, with their paths inside of it. */
function within({ right, routes }: RouteGroup, prefix: Prefix): RouteGroup {
  const inside = routes.filter(({ path }) => path.startsWith("/-/") === (prefix === "/-"));
  return { right, routes: inside.map((route) => ({ ...route, path: route.path.slice(prefix.length) })) };
}

const METHODS = ["GET", "PUT", "POST", "DELETE"] as const satisfies readonly Method[];

/** 405 with `allow` for a path that has other methods, else 404. */
function unrouted(section: App, method: string, path: string, prefix: Prefix): ApiError {
  const what = `${method} ${path.slice(0, 300)} is not a route of this registry`;
  const inside = path.slice(prefix.length) || "/";
  const allowed = METHODS.filter((other) => section.router.match(other, inside)[0].length > 0).flatMap((other) =>
    other === "GET" ? ["GET", "HEAD"] : [other],
  );
  if (allowed.length === 0 || allowed.includes(method)) return new ApiError("not_found", what);
  const allow = allowed.join(", ");
  return new ApiError("method_not_allowed", `${what}; this path takes ${allow}`, { allow });
}

/** A load balancer asks by whatever address it has, and learns nothing but whether the registry works. */
function isProbe(path: string): boolean {
  return path === "/-/ping" || path === "/-/health";
}

function logRequest(c: AppContext, ports: AppPorts, started: number): void {
  const { clock, onRequest, addressOf, requestIdOf } = ports;
  const { method, path } = c.req;
  const { status } = c.res;
  const request = requestIdOf?.(c);
  const change = c.res.headers.get(CHANGE_HEADER);
  const asked = { method, path, command: c.req.header("npm-command"), principal: c.get("principal") };
  onRequest?.({
    ...requestLog(asked, status, clock.now().getTime() - started),
    ...(status === 401 || status === 403 ? { address: addressOf?.(c) ?? "unknown", ...ruleOf(c) } : {}),
    ...(request === undefined ? {} : { request }),
    ...(change === null ? {} : { change }),
  });
}

function ruleOf(c: AppContext): { readonly rule?: string } {
  const rule = c.get("refusedBy");
  return rule === undefined ? {} : { rule: loggable(rule) };
}

/** The router sees one spelling of every path. What is wrong with a path is kept for the middleware, which answers it. */
function pathOf(request: Request, problems: WeakMap<Request, ApiError>): string {
  const path = rawPath(request);
  const problem = pathProblem(path);
  if (!problem) return canonicalPath(path);
  problems.set(request, problem);
  return "/-/malformed-path";
}
