import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createApp, registryRoutes, routeGroup, routesOf, withFilter, type App } from "../src/index.ts";
import { errorOf, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

/** Routes for reading that are about the caller. */
const OF_CALLER = new Set([
  "/-/-/package",
  "/-/org/:org/user",
  "/-/org/:org/team",
  "/-/team/:org/:team/user",
  "/-/team/:org/:team/package",
  "/-/package/:name/trust",
  "/-/scope/:scope/rules",
  "/-/stage",
  "/-/stage/:id",
  "/-/stage/:id/tarball",
  "/-/scope/:scope/trust",
]);
/** Signs in by the bearer token itself, so that none, or one that is not valid, is 401. */
const EXCHANGE = "/-/npm/v1/oidc/token/exchange/package/:name";
/** A path with every parameter filled in. */
const filled = (path: string) =>
  path.replace(":name", "wire").replace(":file", "wire-1.0.0.tgz").replace(":rev", "1-a").replaceAll(/:\w+/g, "other");
const send = (app: App, method: string, path: string, token?: string) =>
  app.request(`http://registry.test${path}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
const table = (app: App) => routesOf(app).map(({ method, path, right }) => `${right} ${method} ${path}`);

describe("every route", () => {
  test("has a right, and is in the list once", () => {
    const routes = routesOf(registry.app);
    expect(routes.filter(({ right }) => right === undefined)).toEqual([]);
    expect(table(registry.app).toSorted()).toMatchInlineSnapshot(`
      [
        "account DELETE /-/npm/v1/tokens/token/:key",
        "account GET /-/npm/v1/tokens",
        "account GET /-/npm/v1/user",
        "account GET /-/user/:id",
        "account GET /-/whoami",
        "account POST /-/npm/v1/tokens",
        "account POST /-/npm/v1/user",
        "admin GET /-/access",
        "admin GET /-/access/explain",
        "admin POST /-/access/compare",
        "admin POST /-/package/:name/give-back",
        "admin PUT /-/access",
        "public GET /-/contract",
        "public GET /-/contract/v1/:document",
        "public GET /-/health",
        "public GET /-/ping",
        "read GET /-/-/package",
        "read GET /-/_view/starredByUser",
        "read GET /-/changes/:id",
        "read GET /-/npm/v1/attestations/:spec{.+}",
        "read GET /-/npm/v1/keys",
        "read GET /-/org/:org/team",
        "read GET /-/org/:org/user",
        "read GET /-/org/:scope/package",
        "read GET /-/package/:name/access",
        "read GET /-/package/:name/collaborators",
        "read GET /-/package/:name/dist-tags",
        "read GET /-/package/:name/dist-tags/:tag",
        "read GET /-/package/:name/dist-tags/history",
        "read GET /-/package/:name/history",
        "read GET /-/package/:name/rules",
        "read GET /-/package/:name/trust",
        "read GET /-/package/:name/visibility",
        "read GET /-/scope/:scope/rules",
        "read GET /-/scope/:scope/trust",
        "read GET /-/stage",
        "read GET /-/stage/:id",
        "read GET /-/stage/:id/tarball",
        "read GET /-/team/:org/:team/package",
        "read GET /-/team/:org/:team/user",
        "read GET /-/user/:user/package",
        "read GET /-/user/:user/stars",
        "read GET /-/v1/releases/:id",
        "read GET /-/v1/search",
        "read GET /:name",
        "read GET /:name/-/:file",
        "read GET /:name/:version",
        "read POST /-/npm/v1/security/advisories/bulk",
        "read POST /-/npm/v1/security/audits",
        "read POST /-/npm/v1/security/audits/quick",
        "sign-in DELETE /-/confirm/:user/:secret/done",
        "sign-in DELETE /-/user/token/:token",
        "sign-in GET /-/confirm/:user/:secret",
        "sign-in GET /-/confirm/:user/:secret/done",
        "sign-in POST /-/confirm/:user/:secret",
        "sign-in POST /-/npm/v1/oidc/token/exchange/package/:name",
        "sign-in POST /-/v1/login",
        "sign-in PUT /-/confirm/:user/:secret/done",
        "sign-in PUT /-/user/:id",
        "sign-in PUT /-/user/:id/-rev/:rev",
        "stage POST /-/stage/package/:name",
        "write DELETE /-/org/:org/user",
        "write DELETE /-/package/:name/dist-tags/:tag",
        "write DELETE /-/package/:name/owners/:user",
        "write DELETE /-/package/:name/trust/:id",
        "write DELETE /-/scope/:scope/trust/:id",
        "write DELETE /-/stage/:id",
        "write DELETE /-/team/:org/:team",
        "write DELETE /-/team/:org/:team/package",
        "write DELETE /-/team/:org/:team/user",
        "write DELETE /:name/-/:file/-rev/:rev",
        "write DELETE /:name/-rev/:rev",
        "write POST /-/package/:name/access",
        "write POST /-/package/:name/approvals",
        "write POST /-/package/:name/dist-tags",
        "write POST /-/package/:name/dist-tags/:tag",
        "write POST /-/package/:name/restore",
        "write POST /-/package/:name/trust",
        "write POST /-/package/:name/undo",
        "write POST /-/scope/:scope/trust",
        "write POST /-/stage/:id/approve",
        "write POST /-/v1/releases",
        "write PUT /-/org/:org/team",
        "write PUT /-/org/:org/user",
        "write PUT /-/package/:name/dist-tags",
        "write PUT /-/package/:name/dist-tags/:tag",
        "write PUT /-/package/:name/owners",
        "write PUT /-/package/:name/rules",
        "write PUT /-/pnpm/v1/publish",
        "write PUT /-/pnpr/v0/publish",
        "write PUT /-/scope/:scope/rules",
        "write PUT /-/team/:org/:team/package",
        "write PUT /-/team/:org/:team/user",
        "write PUT /:name",
        "write PUT /:name/-rev/:rev",
      ]
    `);
  });
  test("without a group shows up in the list without a right", () => {
    const bare = createApp(registry.ports, {}, []);
    bare.get("/-/forgotten", (c) => c.text("anybody"));
    expect(routesOf(bare)).toEqual([{ method: "GET", path: "/-/forgotten", right: undefined }]);
  });
  test("refuses a token that is not valid, except for signing in", async () => {
    for (const { method, path, right } of routesOf(registry.app)) {
      const { status } = await send(registry.app, method, filled(path), "cbx_revoked");
      expect(status === 401, `${method} ${path}`).toBe(right !== "sign-in" || path === EXCHANGE);
    }
  });
  test("that changes something or is about the caller refuses an anonymous caller with 401, before it looks at the request", async () => {
    for (const { method, path, right } of routesOf(registry.app)) {
      const { status } = await send(registry.app, method, filled(path));
      const needsCaller =
        ["stage", "write", "account", "admin"].includes(String(right)) || OF_CALLER.has(path) || path === EXCHANGE;
      expect(status === 401, `${method} ${path}`).toBe(needsCaller);
    }
  });
  test("needs a token on a private registry, except for the public ones and signing in", async () => {
    await using closed = await startApp({ settings: { anonymousRead: false } });
    for (const { method, path, right } of routesOf(closed.app)) {
      const { status } = await send(closed.app, method, filled(path));
      expect(status === 401, `${method} ${path}`).toBe(
        (right !== "public" && right !== "sign-in") || path === EXCHANGE,
      );
    }
    expect((await send(closed.app, "GET", "/-/nowhere")).status).toBe(401);
  });
  test("that changes something refuses a read-only token with 403", async () => {
    const token = await registry.token("alice", true);
    for (const { method, path, right } of routesOf(registry.app)) {
      if (right !== "write") continue;
      const response = await send(registry.app, method, filled(path), token);
      expect([response.status, await errorOf(response)], `${method} ${path}`).toEqual([
        403,
        "this token may only read; use one that may write",
      ]);
    }
  });
});

describe("the groups of an app", () => {
  test("are served alike in any order", async () => {
    const groups = registryRoutes(registry.ports, registry.settings);
    const reversed = createApp(registry.ports, registry.settings, groups.toReversed());
    await registry.publish("@acme/wire", "1.0.0");
    const paths = [
      "/@acme%2fwire",
      "/-/ping",
      "/-/nowhere",
      "/-/v1/nowhere",
      "/-/package/@acme%2fwire/dist-tags",
      "/a/b/c/d",
    ];
    for (const path of paths)
      for (const method of ["GET", "PATCH", "POST"]) {
        const [one, other] = await Promise.all(
          [registry.app, reversed].map((app) => send(app, method, path, registry.alice)),
        );
        expect([other?.status, other?.headers.get("allow")], `${method} ${path}`).toEqual([
          one?.status,
          one?.headers.get("allow"),
        ]);
      }
  });
  test("may have a filter, which runs after the check of the right", async () => {
    const group = routeGroup("write", (on) => on.put("/:name", (c) => c.text("written")));
    const filtered = withFilter(group, async (c) => c.text("filtered", 413));
    const app = createApp(registry.ports, {}, [filtered]);
    expect((await send(app, "PUT", "/wire")).status).toBe(401);
    expect((await send(app, "PUT", "/wire", registry.alice)).status).toBe(413);
  });
});

describe("a package that the policy does not let a caller read", () => {
  test.each(["/wire", "/wire/1.0.0", "/wire/-/wire-1.0.0.tgz", "/-/package/wire/dist-tags", "/-/package/wire/history"])(
    "%s is 403",
    async (path) => {
      await using closed = await startApp({ unreadable: "wire" });
      const response = await closed.request(path);
      expect([response.status, await errorOf(response)]).toEqual([403, "wire is private"]);
    },
  );
  test("its version can't be published either by a caller who may not publish, before the tarball is stored", async () => {
    await using closed = await startApp({ unreadable: "wire" });
    expect((await closed.publish("wire", "1.0.0")).status).toBe(403);
    expect(await closed.keys()).toEqual([]);
  });
});
