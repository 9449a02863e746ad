import { openPolicy, publishOf } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  ANONYMOUS,
  CHANGE_ACTIONS,
  createPolicy,
  principalOfChange,
  type Action,
  type Principal,
} from "../../src/index.ts";

const CHANGES = [...CHANGE_ACTIONS] as readonly Action[];
const OTHERS = ["read", "write", "account", "revoke", "admin"] as const satisfies readonly Action[];
const ALL = [...OTHERS, ...CHANGES];
const USERS = ALL.filter((action) => action !== "admin");
const token = (readonly: boolean): Principal => ({ kind: "token", name: "alice", readonly, tokenHash: "00" });

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

test.each(["user", "workload", "service"] as const)("a %s may do everything but operate the registry", (kind) => {
  expect(allowed({ kind, name: "ci" })).toEqual(USERS);
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
test("every answer names the rule that decided", () => {
  for (const principal of [ANONYMOUS, token(true), token(false), { kind: "service", name: "ci" } as const])
    for (const action of ALL) expect(openPolicy.may(principal, action).rule, action).not.toBe("");
});
test("the consumer knows the sender of a change by its actor", () => {
  expect(principalOfChange(publishOf("wire", "1.0.0"))).toEqual({ kind: "user", name: "alice" });
});
