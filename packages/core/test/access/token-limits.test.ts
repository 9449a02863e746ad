import { publishOf } from "@codebox/testing";
import { describe, expect, test } from "vitest";
import {
  apply,
  CHANGE_ACTIONS,
  createPolicy,
  type Action,
  type Packument,
  type Principal,
  type TokenLimits,
} from "../../src/index.ts";

const CHANGES = [...CHANGE_ACTIONS] as readonly Action[];
const policy = createPolicy({ anonymousRead: false, admins: ["alice"] });
const open = createPolicy({ anonymousRead: true });

const packumentOf = (name: string): Packument => {
  const result = apply(undefined, publishOf(name, "1.0.0"));
  if (result.kind !== "applied") throw new Error(`${name} was not published`);
  return result.packument;
};
const token = (limits: Partial<TokenLimits> & { address?: string }): Principal => ({
  kind: "token",
  name: "alice",
  tokenHash: "00",
  readonly: false,
  ...limits,
});
const may = (limits: Partial<TokenLimits> & { address?: string }, action: Action, name?: string, by = policy) =>
  by.may(token(limits), action, name === undefined ? undefined : { name, packument: packumentOf(name) });

describe("a token for some packages and scopes", () => {
  const limits = { packages: ["wire"], scopes: ["@acme"] };
  test.each(["wire", "@acme/wire"])("reads and changes %s", (name) => {
    for (const action of ["read", ...CHANGES] as const) expect(may(limits, action, name).allowed, action).toBe(true);
  });
  test.each(["wires", "@acme2/wire", "@other/wire"])(
    "neither reads nor changes %s, and the message names what it is for",
    (name) => {
      for (const action of ["read", ...CHANGES] as const)
        expect(may(limits, action, name), action).toEqual({
          allowed: false,
          rule: "token is limited to packages",
          code: "forbidden",
          reason: `this token is not for the package "${name}", only for wire, @acme/*`,
        });
    },
  );
  test("reads every package that a caller without a token may read", () => {
    expect(may(limits, "read", "other", open).allowed).toBe(true);
    expect(may(limits, "tag", "other", open).allowed).toBe(false);
  });
  test("is not refused for a name that has no document: the upstream may have it", () => {
    expect(policy.may(token(limits), "read", { name: "other", packument: undefined }).allowed).toBe(true);
    expect(policy.may(token(limits), "publish", { name: "other", packument: undefined }).allowed).toBe(false);
  });
  test("revokes no other token and does not operate the registry", () => {
    expect(may(limits, "revoke").allowed).toBe(false);
    expect(may(limits, "admin").allowed).toBe(false);
    expect(may(limits, "account").allowed).toBe(true);
  });
  test("with empty lists is for no package", () => {
    expect(may({ packages: [] }, "read", "wire")).toMatchObject({ allowed: false });
  });
});

describe("a stage-only token", () => {
  test("changes nothing directly, and the message says what to use instead", () => {
    for (const action of (["revoke", "admin", ...CHANGES] as const).filter((one) => one !== "stage"))
      expect(may({ stageOnly: true }, action, "wire"), action).toEqual({
        allowed: false,
        rule: "token is stage-only",
        code: "forbidden",
        reason:
          "this token may only stage versions for approval, and changes nothing directly; use a token that may publish",
      });
  });
  test("stages a version, and reaches no other change", () => {
    expect(may({ stageOnly: true }, "stage", "wire").allowed).toBe(true);
    expect(may({ stageOnly: true }, "write").allowed).toBe(false);
    expect(may({ stageOnly: true, packages: ["left"] }, "stage", "wire").allowed).toBe(false);
  });
  test("reads", () => expect(may({ stageOnly: true }, "read", "wire").allowed).toBe(true));
});

describe("a token without access to packages", () => {
  test("reads and changes none beyond what a caller without a token may read", () => {
    for (const action of ["read", "write", ...CHANGES] as const)
      expect(may({ noPackages: true }, action, "wire"), action).toMatchObject({
        allowed: false,
        rule: "token has no access to packages",
      });
    expect(may({ noPackages: true }, "read", "wire", open).allowed).toBe(true);
    expect(may({ noPackages: true }, "account").allowed).toBe(true);
  });
});

describe("a token for some networks", () => {
  const cidr = ["10.0.0.0/8", "2001:db8::/32"];
  test.each(["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"])("may be used from %s", (address) => {
    expect(may({ cidr, address }, "publish", "wire").allowed).toBe(true);
  });
  test.each(["11.1.2.3", "2001:db9::1", "::ffff:11.1.2.3", "unknown", "10.1.2.3.example"])(
    "may do nothing from %s, not even what needs no token",
    (address) => {
      for (const action of ["read", "account", "publish"] as const)
        expect(may({ cidr, address }, action, "wire", open), action).toEqual({
          allowed: false,
          rule: "token is limited to networks",
          code: "forbidden",
          reason: `this token may not be used from ${address}, only from 10.0.0.0/8, 2001:db8::/32`,
        });
    },
  );
  test("may do nothing where the address is not known", () => {
    expect(may({ cidr }, "read", "wire").allowed).toBe(false);
  });
});
