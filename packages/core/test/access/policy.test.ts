import { openPolicy } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  actorOf,
  ANONYMOUS,
  CHANGE_ACTIONS,
  createPolicy,
  principalOfChange,
  Services,
  type Action,
  type Principal,
} from "../../src/index.ts";

const CHANGES = [...CHANGE_ACTIONS] as readonly Action[];
const OTHERS = ["read", "write", "account", "revoke", "admin"] as const satisfies readonly Action[];
const ALL = [...OTHERS, ...CHANGES];
const USERS = ALL.filter((action) => action !== "admin");
const token = (readonly: boolean) => ({ kind: "token", name: "alice", readonly, tokenHash: "00" }) as const;

const allowed = (principal: Principal, policy = openPolicy) =>
  ALL.filter((action) => policy.may(principal, action).allowed);

describe("an anonymous caller", () => {
  test("may only read where anonymous reading is on", () => {
    expect(allowed(ANONYMOUS)).toEqual(["read"]);
    expect(openPolicy.may(ANONYMOUS, "publish")).toEqual({
      allowed: false,
      rule: "anonymous callers may only read",
      code: "unauthenticated",
      reason: "this needs a token",
    });
  });
  test("may do nothing where anonymous reading is off", () => {
    const policy = createPolicy({ anonymousRead: false });
    expect(allowed(ANONYMOUS, policy)).toEqual([]);
    expect(policy.may(ANONYMOUS, "read")).toMatchObject({
      rule: "anonymous callers may do nothing",
      code: "unauthenticated",
    });
  });
});

describe("a token", () => {
  test("may do everything but operate the registry", () => expect(allowed(token(false))).toEqual(USERS));
  test("that is read-only changes nothing, and the rule says so", () => {
    expect(allowed(token(true))).toEqual(["read", "account"]);
    expect(openPolicy.may(token(true), "tag", { name: "wire", packument: undefined })).toEqual({
      allowed: false,
      rule: "token is read-only",
      code: "forbidden",
      reason: "this token may only read; use one that may write",
    });
  });
});

test("a user may do everything but operate the registry", () => {
  expect(allowed({ kind: "user", name: "ci" })).toEqual(USERS);
});
test("a CI job, as the consumer knows it, may publish, stage and move tags", () => {
  expect(allowed({ kind: "workload", name: "github:acme/wire" })).toEqual(["read", "write", "tag", "stage", "publish"]);
});
describe("an administrator of the settings", () => {
  const policy = createPolicy({ anonymousRead: true, admins: ["alice"] });
  test("operates the registry, and nobody else does", () => {
    expect(policy.may(token(false), "admin").allowed).toBe(true);
    expect(policy.may({ kind: "user", name: "bob" }, "admin")).toMatchObject({
      allowed: false,
      rule: "only administrators operate the registry",
    });
  });
  test("does not operate it with a read-only token, nor as a service of the same name", () => {
    expect(policy.may(token(true), "admin").allowed).toBe(false);
    expect(policy.may({ kind: "service", name: "alice" }, "admin").allowed).toBe(false);
  });
});
describe("another service", () => {
  const ci = { kind: "service", name: "ci" } as const;

  test("may change tags, and no more of a package", () => {
    expect(allowed(ci)).toEqual(["read", "tag", "star"]);
    expect(openPolicy.may(ci, "deprecate")).toEqual({
      allowed: false,
      rule: "services may do what they are configured for",
      code: "forbidden",
      reason: expect.stringContaining('the service "ci" may only tag, not deprecate') as string,
    });
  });
  test("may do what its entry allows, and no other service may", () => {
    const services = Services.parse("ci=AROAEXAMPLE12345:tag+deprecate");
    const policy = createPolicy({ anonymousRead: false, services });
    expect(ALL.filter((action) => policy.may(ci, action).allowed)).toEqual(["read", "tag", "deprecate", "star"]);
    expect(policy.may({ kind: "service", name: "other" }, "deprecate").allowed).toBe(false);
    expect(policy.may({ kind: "user", name: "ci" }, "publish").allowed).toBe(true);
  });
  test.each(["ci=AROAEXAMPLE12345:publish", "ci=AROAEXAMPLE12345:", "ci", "ci=short:tag", "a b=AROAEXAMPLE12345:tag"])(
    "the entry %j is refused",
    (entry) => expect(Services.safeParse(entry).success).toBe(false),
  );
});
test("every answer names the rule that decided", () => {
  for (const principal of [ANONYMOUS, token(true), token(false), { kind: "service", name: "ci" } as const])
    for (const action of ALL) expect(openPolicy.may(principal, action).rule, action).not.toBe("");
});
test.each(["user", "workload", "service"] as const)("a change of a %s has an actor of that kind", (kind) => {
  const actor = actorOf({ kind, name: "ci" });
  expect(principalOfChange({ actor })).toEqual({ kind, name: "ci" });
});
test("the actor of a token's change is its user", () => {
  expect(actorOf(token(true))).toEqual({ kind: "user", name: "alice" });
});
