import { DEFAULT_RIGHTS, setMember, type RightsSpec } from "@codebox/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
let as: (user: string, method: string, path: string, body?: unknown, more?: object) => Promise<Response>;
const { grants, create, visibility, orgs } = DEFAULT_RIGHTS;
const rights: RightsSpec = { grants, create, visibility, orgs };
const publish = (user: string, name: string, version = "1.0.0") =>
  as(user, "PUT", `/${name.replace("/", "%2f")}`, publishBody(name, version));
const json = async (response: Promise<Response>) => (await response).json();

beforeEach(async () => {
  registry = await startApp({ settings: { rights, admins: ["root"] } });
  const tokens = new Map<string, string>();
  as = async (user, method, path, body, more = {}) => {
    const token = tokens.get(user) ?? (await registry.token(user));
    tokens.set(user, token);
    return registry.send(method, path, body, { authorization: `Bearer ${token}`, ...more });
  };
});
afterEach(() => registry[Symbol.asyncDispose]());

describe("owners", () => {
  test("change their package; everybody else is refused, with who can help", async () => {
    expect((await publish("alice", "wire")).status).toBe(201);
    const refused = await publish("bob", "wire", "1.1.0");
    expect([refused.status, await errorOf(refused)]).toEqual([
      403,
      '"bob" may not publish "wire"; ask an owner or an administrator for the role "publish"',
    ]);
    expect((await as("bob", "PUT", "/-/package/wire/dist-tags/next", '"1.0.0"')).status).toBe(403);
    expect((await as("bob", "PUT", "/-/package/wire/owners", { user: "bob" })).status).toBe(403);
    expect((await as("alice", "PUT", "/-/package/wire/owners", { user: "bob" })).status).toBe(200);
    expect((await publish("bob", "wire", "1.1.0")).status).toBe(201);
  });
});

describe("npm org and npm team", () => {
  const setUp = async () => {
    expect((await as("root", "PUT", "/-/org/acme/user", { user: "olga", role: "owner" })).status).toBe(201);
    expect((await as("olga", "PUT", "/-/org/@acme/user", { user: "@dora" })).status).toBe(201);
    expect((await as("olga", "PUT", "/-/org/acme/team", { name: "web" })).status).toBe(201);
  };
  test("an organisation is created by an administrator, and managed by its owners", async () => {
    expect((await as("olga", "PUT", "/-/org/acme/user", { user: "olga", role: "owner" })).status).toBe(403);
    await setUp();
    expect(await json(as("bob", "GET", "/-/org/acme/user"))).toEqual({ olga: "owner", dora: "developer" });
    for (const user of ["bob", "dora"])
      expect((await as(user, "PUT", "/-/org/acme/user", { user, role: "owner" })).status).toBe(403);
    expect((await as("olga", "DELETE", "/-/org/acme/user", { user: "dora" })).status).toBe(204);
    expect(await json(as("bob", "GET", "/-/org/acme/user"))).toEqual({ olga: "owner" });
  });
  test("set answers with what npm prints", async () => {
    await setUp();
    expect(await json(as("olga", "PUT", "/-/org/acme/user", { user: "carl", role: "admin" }))).toEqual({
      org: { name: "acme", size: 3 },
      user: "carl",
      role: "admin",
    });
  });
  test("members of a team are added, listed and removed, in the shapes of npm and pnpm", async () => {
    await setUp();
    expect((await as("olga", "PUT", "/-/team/acme/web/user", { user: "bob" })).status).toBe(201);
    expect(await json(as("bob", "GET", "/-/team/acme/web/user?format=cli"))).toEqual(["bob"]);
    expect(await json(as("bob", "GET", "/-/team/acme/web/user"))).toEqual([{ name: "bob" }]);
    expect(await json(as("bob", "GET", "/-/org/acme/team?format=cli"))).toEqual(["acme:web"]);
    expect(await json(as("bob", "GET", "/-/org/acme/team"))).toEqual([{ name: "web" }]);
    expect((await as("olga", "DELETE", "/-/team/acme/web/user", { user: "bob" })).status).toBe(204);
    expect(await json(as("bob", "GET", "/-/team/acme/web/user?format=cli"))).toEqual([]);
  });
  test("a team gets a role for a package, which counts at once, and loses it with the team", async () => {
    await setUp();
    await as("olga", "PUT", "/-/team/acme/web/user", { user: "bob" });
    await publish("dora", "@acme/wire");
    expect((await publish("bob", "@acme/wire", "1.1.0")).status).toBe(403);
    const grant = { package: "@acme/wire", permissions: "read-write" };
    expect((await as("bob", "PUT", "/-/team/acme/web/package", grant)).status).toBe(403);
    expect((await as("dora", "PUT", "/-/team/acme/web/package", grant)).status).toBe(201);
    expect((await publish("bob", "@acme/wire", "1.1.0")).status).toBe(201);
    expect(await json(as("bob", "GET", "/-/team/acme/web/package"))).toEqual({ "@acme/wire": "write" });
    expect(await json(as("bob", "GET", "/-/package/@acme%2fwire/collaborators"))).toEqual({
      bob: "write",
      dora: "write",
      olga: "write",
    });
    expect((await as("olga", "DELETE", "/-/team/acme/web")).status).toBe(204);
    await as("olga", "PUT", "/-/org/acme/team", { name: "web" });
    await as("olga", "PUT", "/-/team/acme/web/user", { user: "bob" });
    expect((await publish("bob", "@acme/wire", "1.2.0")).status).toBe(403);
  });
  test("a role is revoked", async () => {
    await setUp();
    await publish("dora", "@acme/wire");
    await as("dora", "PUT", "/-/team/acme/web/package", { package: "@acme/wire", permissions: "read-only" });
    expect(await json(as("bob", "GET", "/-/team/acme/web/package"))).toEqual({ "@acme/wire": "read" });
    expect((await as("dora", "DELETE", "/-/team/acme/web/package", { package: "@acme/wire" })).status).toBe(204);
    expect(await json(as("bob", "GET", "/-/team/acme/web/package"))).toEqual({});
  });
  test("what does not exist is 404, a wrong name 400, and nobody is 401", async () => {
    await setUp();
    expect((await as("bob", "GET", "/-/org/other/user")).status).toBe(404);
    expect((await as("bob", "GET", "/-/team/acme/other/user")).status).toBe(404);
    expect((await as("olga", "PUT", "/-/org/acme/team", { name: "Web" })).status).toBe(400);
    expect((await as("olga", "PUT", "/-/org/acme/user", { user: "x", role: "root" })).status).toBe(400);
    expect((await registry.app.request("http://registry.test/-/org/acme/user")).status).toBe(401);
  });
  test("a token that is limited to a package manages no organisation", async () => {
    await setUp();
    const [held] = await registry.tokens.list("olga");
    if (held) await registry.tokens.put({ ...held, packages: ["@acme/wire"] });
    expect((await as("olga", "PUT", "/-/org/acme/team", { name: "ops" })).status).toBe(403);
  });
});

describe("npm access set status", () => {
  test("private hides a package from everybody without a role: reading, lists, search, history, tags and changes", async () => {
    const published = await publish("alice", "wire");
    const change = published.headers.get("codebox-change") ?? "";
    expect((await as("bob", "POST", "/-/package/wire/access", { access: "restricted" })).status).toBe(403);
    expect((await as("alice", "POST", "/-/package/wire/access", { access: "restricted" })).status).toBe(201);
    const paths = [
      "/wire",
      "/wire/1.0.0",
      "/wire/-/wire-1.0.0.tgz",
      "/-/package/wire/dist-tags",
      "/-/package/wire/history",
    ];
    for (const path of paths) {
      expect((await as("bob", "GET", path)).status, path).toBe(403);
      expect((await registry.app.request(`http://registry.test${path}`)).status, path).toBe(401);
      expect((await as("alice", "GET", path)).status, path).toBe(200);
    }
    const status = `/-/changes/${change}?package=wire`;
    expect((await as("bob", "GET", status)).status).toBe(404);
    expect((await as("alice", "GET", status)).status).toBe(200);
    expect(await json(as("bob", "GET", "/-/v1/search?text=wire"))).toMatchObject({ objects: [], total: 0 });
    expect(await json(as("alice", "GET", "/-/v1/search?text=wire"))).toMatchObject({ total: 1 });
    expect(await json(as("bob", "GET", "/-/user/alice/package"))).toEqual({});
    expect(await json(as("alice", "GET", "/-/package/wire/visibility"))).toEqual({ public: false });
    expect((await as("alice", "POST", "/-/package/wire/access", { access: "public" })).status).toBe(201);
    expect((await as("bob", "GET", "/wire")).status).toBe(200);
  });
});

describe("the rights as a document", () => {
  test("are read and replaced by administrators only, on the condition that nobody changed them meanwhile", async () => {
    expect((await as("bob", "GET", "/-/access")).status).toBe(403);
    const read = await as("root", "GET", "/-/access");
    const etag = read.headers.get("etag") ?? "";
    const next = { ...((await read.json()) as RightsSpec), visibility: { "@acme/*": "private" } };
    expect((await as("root", "PUT", "/-/access", next)).status).toBe(412);
    expect((await as("bob", "PUT", "/-/access", next, { "if-match": etag })).status).toBe(403);
    expect((await as("root", "PUT", "/-/access", next, { "if-match": etag })).status).toBe(200);
    const stale = await as("root", "PUT", "/-/access", next, { "if-match": etag });
    expect([stale.status, await errorOf(stale)]).toEqual([412, expect.stringContaining("read them again")]);
    const after = (await json(as("root", "GET", "/-/access"))) as { history: object[] };
    expect(after).toMatchObject({ decided: true, visibility: { "@acme/*": "private" } });
    expect(after.history.at(-1)).toMatchObject({ by: "root", what: "rights replaced" });
  });
  test("that are malformed are refused with the field", async () => {
    const wrong = { ...rights, grants: [{ to: "alice", role: "read", on: "**" }] };
    const response = await as("root", "PUT", "/-/access", wrong, { "if-match": "*" });
    expect([response.status, await errorOf(response)]).toEqual([400, expect.stringContaining("grants.0.to")]);
  });
  test("that are null are refused, and are no failure of ours", async () => {
    expect((await as("root", "PUT", "/-/access", null, { "if-match": "*" })).status).toBe(400);
  });
  test("are explained: whether somebody may do something, and the rule that decides", async () => {
    await publish("alice", "wire");
    const explain = (user: string) => json(as("root", "GET", `/-/access/explain?user=${user}&action=tag&package=wire`));
    expect(await explain("alice")).toMatchObject({ allowed: true, rule: "alice owns wire" });
    expect(await explain("bob")).toMatchObject({ allowed: false, rule: "nothing gives the role tag on wire" });
    expect((await as("root", "GET", "/-/access/explain?user=bob&action=fly&package=wire")).status).toBe(400);
  });
  test("are compared with others before they are changed: what would be allowed and forbidden", async () => {
    await publish("alice", "wire");
    const after = { ...setMember(rights, "acme", "dora", "developer"), visibility: { wire: "private" } };
    const { differences } = (await json(as("root", "POST", "/-/access/compare", after))) as { differences: object[] };
    expect(differences).toContainEqual({
      who: "everybody else",
      action: "read",
      package: "wire",
      allowed: false,
      before: "everybody who is signed in reads what is not private",
      after: "wire is private",
    });
    const creation = { who: "everybody else", action: "publish", package: "@acme/new-package", allowed: false };
    expect(differences).toContainEqual(expect.objectContaining(creation));
    expect(await json(as("root", "GET", "/-/access"))).toMatchObject({ visibility: {} });
  });
});
