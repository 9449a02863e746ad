import { describe, expect, test } from "vitest";
import {
  actorOf,
  ANONYMOUS,
  createPolicy,
  DEFAULT_RIGHTS,
  OPEN_RIGHTS,
  principalOfChange,
  RightsSpec,
  setDisabled,
  type Action,
  type Principal,
} from "../../src/index.ts";

const user = (name: string): Principal => ({ kind: "user", name });
const owned = (name: string, ...owners: string[]) => ({
  name,
  packument: { maintainers: owners.map((owner) => ({ name: owner })) },
});
const fresh = (name: string) => ({ name, packument: undefined });
const rights = (more: Partial<RightsSpec>): RightsSpec => ({ ...DEFAULT_RIGHTS, ...more });
const policyOf = (more: Partial<RightsSpec> = {}) => createPolicy({ anonymousRead: true, rights: rights(more) });
const CHANGES = [
  "star",
  "tag",
  "publish",
  "deprecate",
  "unpublish",
  "owners",
  "access",
] as const satisfies readonly Action[];
const allowed = (policy: ReturnType<typeof policyOf>, principal: Principal, target: ReturnType<typeof owned>) =>
  ["read" as const, ...CHANGES].filter((action) => policy.may(principal, action, target).allowed);

describe("by the rights of a new registry", () => {
  const policy = policyOf();
  test("an owner may do everything with the package, and the rule says so", () => {
    expect(allowed(policy, user("alice"), owned("wire", "alice"))).toEqual(["read", ...CHANGES]);
    expect(policy.may(user("alice"), "unpublish", owned("wire", "alice")).rule).toBe("alice owns wire");
  });
  test("everybody else who is signed in reads and stars it", () => {
    expect(allowed(policy, user("bob"), owned("wire", "alice"))).toEqual(["read", "star"]);
    expect(policy.may(user("bob"), "tag", owned("wire", "alice"))).toEqual({
      allowed: false,
      rule: "nothing gives the role tag on wire",
      code: "forbidden",
      reason: '"bob" may not change the tags of "wire"; ask an owner or an administrator for the role "tag"',
    });
  });
  test("everybody who is signed in creates packages, services and workloads do not", () => {
    expect(policy.may(user("bob"), "publish", fresh("cable")).rule).toBe("everybody may create **");
    expect(policy.may({ kind: "service", name: "bob" }, "publish", fresh("cable")).allowed).toBe(false);
  });
  test("a package whose owners are unknown is nobody's, and no name that is free", () => {
    expect(allowed(policy, user("bob"), owned("wire"))).toEqual(["read", "star"]);
  });
  test("a service is no person: it does not own what a user of the same name owns", () => {
    expect(policy.may({ kind: "service", name: "alice" }, "tag", owned("wire", "alice")).allowed).toBe(false);
  });
  test("nobody operates the registry but the administrators of the settings", () => {
    expect(policy.may(user("alice"), "admin").allowed).toBe(false);
    const withAdmins = createPolicy({ anonymousRead: true, admins: ["root"], rights: rights({}) });
    expect(withAdmins.may(user("root"), "admin").allowed).toBe(true);
    expect(withAdmins.may(user("root"), "owners", owned("wire", "alice")).allowed).toBe(true);
  });
});

describe("a role", () => {
  test.each([
    ["read", ["read", "star"]],
    ["tag", ["read", "star", "tag"]],
    ["publish", ["read", "star", "tag", "publish", "deprecate"]],
    ["admin", ["read", ...CHANGES]],
  ] as const)("%s gives %j", (role, actions) => {
    const policy = policyOf({ grants: [{ to: "user:bob", role, on: "wire" }], visibility: { wire: "private" } });
    expect(allowed(policy, user("bob"), owned("wire", "alice"))).toEqual(actions);
  });
  test.each([
    ["**", "wire", true],
    ["**", "@acme/wire", true],
    ["@acme/*", "@acme/wire", true],
    ["@acme/*", "@acme2/wire", false],
    ["@acme/*", "wire", false],
    ["wire", "wire", true],
    ["wire", "wires", false],
    ["@acme/wire", "@acme/wire", true],
  ])("on %s counts for %s: %j", (on, name, counts) => {
    const policy = policyOf({ grants: [{ to: "user:bob", role: "tag", on }] });
    expect(policy.may(user("bob"), "tag", owned(name, "alice")).allowed).toBe(counts);
  });
  test("of a team is its members'", () => {
    const policy = policyOf({
      grants: [{ to: "team:acme:web", role: "publish", on: "@acme/*" }],
      orgs: { acme: { members: {}, teams: { web: ["bob"], ops: ["carol"] } } },
    });
    expect(policy.may(user("bob"), "publish", owned("@acme/wire", "alice")).rule).toBe(
      "team:acme:web has the role publish on @acme/*",
    );
    expect(policy.may(user("carol"), "publish", owned("@acme/wire", "alice")).allowed).toBe(false);
  });
  test("of a service is the service's, and no user's of the same name", () => {
    const policy = policyOf({ grants: [{ to: "service:deploy", role: "tag", on: "**" }] });
    expect(policy.may({ kind: "service", name: "deploy" }, "tag", owned("wire", "alice")).allowed).toBe(true);
    expect(policy.may(user("deploy"), "tag", owned("wire", "alice")).allowed).toBe(false);
  });
  test("admin on ** operates the registry, unless it is everybody's", () => {
    const may = (to: string) =>
      policyOf({ grants: [{ to, role: "admin", on: "**" }] }).may(user("bob"), "admin").allowed;
    expect([may("user:bob"), may("everybody"), may("user:alice")]).toEqual([true, false, false]);
  });
});

describe("an organisation", () => {
  const policy = policyOf({
    orgs: { acme: { members: { olga: "owner", adam: "admin", dora: "developer" }, teams: {} } },
    visibility: { "@acme/*": "private" },
  });
  const wire = owned("@acme/wire", "someone");
  test("its owners and admins have the role admin for its scope", () => {
    for (const name of ["olga", "adam"]) expect(allowed(policy, user(name), wire)).toEqual(["read", ...CHANGES]);
  });
  test("its developers read private packages and create", () => {
    expect(allowed(policy, user("dora"), wire)).toEqual(["read", "star"]);
    expect(policy.may(user("dora"), "publish", fresh("@acme/new")).allowed).toBe(true);
  });
  test("nobody else creates in its scope or reads there, also what does not exist", () => {
    expect(policy.may(user("bob"), "publish", fresh("@acme/new")).allowed).toBe(false);
    expect(policy.may(user("bob"), "read", fresh("@acme/new")).allowed).toBe(false);
    expect(policy.may(user("bob"), "publish", fresh("new")).allowed).toBe(true);
  });
});

describe("a private package", () => {
  const policy = policyOf({ visibility: { "@acme/*": "private", "@acme/open": "public" } });
  test("is not read by those without a role, signed in or not", () => {
    expect(policy.may(user("bob"), "read", owned("@acme/wire", "alice"))).toMatchObject({
      rule: "@acme/* is private",
      code: "forbidden",
    });
    expect(policy.may(ANONYMOUS, "read", owned("@acme/wire", "alice"))).toMatchObject({
      rule: "@acme/* is private",
      code: "unauthenticated",
    });
    expect(policy.may(user("alice"), "read", owned("@acme/wire", "alice")).allowed).toBe(true);
  });
  test("the closest pattern counts", () => {
    expect(policy.may(ANONYMOUS, "read", owned("@acme/open", "alice")).allowed).toBe(true);
    expect(policy.may(ANONYMOUS, "read", owned("wire", "alice")).allowed).toBe(true);
  });
});

test("in a registry in which nobody has decided, everybody changes every package, and nobody decides about rights", () => {
  const policy = createPolicy({ anonymousRead: true, rights: OPEN_RIGHTS });
  const may = (principal: Principal) =>
    CHANGES.filter((action) => policy.may(principal, action, owned("wire", "alice")).allowed);
  expect(may(user("bob"))).toEqual(CHANGES.filter((action) => action !== "access"));
  expect(policy.may(user("bob"), "admin").allowed).toBe(false);
  expect(may({ kind: "service", name: "ci" })).toEqual(["star", "tag"]);
});

test.each([
  [{ grants: [{ to: "alice", role: "read", on: "**" }] }],
  [{ grants: [{ to: "user:alice", role: "owner", on: "**" }] }],
  [{ grants: [{ to: "user:alice", role: "read", on: "@acme/**" }] }],
  [{ grants: [{ to: "team:acme", role: "read", on: "**" }] }],
  [{ visibility: { "@acme": "private" } }],
  [{ orgs: { Acme: { members: {}, teams: {} } } }],
  [{ orgs: { acme: { members: { alice: "root" }, teams: {} } } }],
  [{ admins: ["alice"] }],
])("%j is refused as rights", (wrong) => {
  const { grants, create, visibility, orgs } = DEFAULT_RIGHTS;
  expect(RightsSpec.safeParse({ grants, create, visibility, orgs, ...wrong }).success).toBe(false);
});

test("a disabled user may do nothing, whatever else the rights say; an administrator of the settings stays", () => {
  const rights = setDisabled(DEFAULT_RIGHTS, "bob", true);
  const policy = createPolicy({ anonymousRead: true, admins: ["root"], rights: setDisabled(rights, "root", true) });
  const owned = { name: "wire", packument: { maintainers: [{ name: "bob" }] } };
  for (const action of ["read", "publish", "account", "write"] as const)
    expect(policy.may({ kind: "user", name: "bob" }, action, owned)).toMatchObject({ rule: "bob is disabled" });
  expect(policy.may({ kind: "user", name: "root" }, "admin").allowed).toBe(true);
  expect(setDisabled(rights, "bob", false).disabled).toEqual([]);
});

describe("groups of a sign-in provider", () => {
  const rights: RightsSpec = {
    ...DEFAULT_RIGHTS,
    create: [],
    orgs: { acme: { members: {}, teams: { web: ["carol"] } } },
    grants: [
      { to: "group:github:acme/web", role: "publish", on: "wire" },
      { to: "team:acme:web", role: "admin", on: "left" },
    ],
  };
  const policy = createPolicy({ anonymousRead: false, rights, admins: ["group:oidc:operators"] });
  const member = (...groups: string[]) => ({ kind: "user", name: "bob", groups }) as const;
  const mayPublish = (principal: ReturnType<typeof member>, name: string) =>
    policy.may(principal, "publish", { name, packument: undefined }).allowed;
  test("a group has the role that the rights give to it", () => {
    expect(mayPublish(member("github:acme/web"), "wire")).toBe(true);
    expect(mayPublish(member("github:acme/other"), "wire")).toBe(false);
  });
  test.each(["oidc:acme/web", "acme:web", "github:acme:web", "team:acme:web", "everybody", "user:carol"])(
    "no group of another provider or of any name (%s) is the same, or a team of ours",
    (group) => expect([mayPublish(member(group), "wire"), mayPublish(member(group), "left")]).toEqual([false, false]),
  );
  test("a group of the settings operates the registry; a user of that name does not", () => {
    expect(policy.may(member("oidc:operators"), "admin").allowed).toBe(true);
    expect(policy.may({ kind: "user", name: "oidc:operators" }, "admin").allowed).toBe(false);
  });
  test("a change carries its user's groups to the consumer; a service has none", () => {
    const actor = actorOf(member("github:acme/web"));
    expect(principalOfChange({ actor })).toEqual(member("github:acme/web"));
    expect(principalOfChange({ actor: { ...actor, kind: "service" } })).toEqual({ kind: "service", name: "bob" });
  });
});
