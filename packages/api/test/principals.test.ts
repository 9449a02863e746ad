import {
  actionOf,
  ANONYMOUS,
  Change,
  createPolicy,
  DEFAULT_RIGHTS,
  issueToken,
  type Principal,
  type RightsSpec,
  type TokenRecord,
} from "@codebox/core";
import { systemIds } from "@codebox/system";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { routesOf } from "../src/index.ts";
import { startApp, type Harness } from "./harness.ts";

const { create, visibility, orgs } = DEFAULT_RIGHTS;
const rights: RightsSpec = {
  create,
  visibility,
  orgs,
  grants: [
    { to: "user:tagger", role: "tag", on: "wire" },
    { to: "user:publisher", role: "publish", on: "wire" },
    { to: "service:deploy", role: "tag", on: "wire" },
  ],
};

/** Callers whose token alone decides, and the groups of routes in which each is refused, with which status. */
const CALLERS: Readonly<Record<string, Partial<TokenRecord> | "none" | "revoked">> = {
  anonymous: "none",
  revoked: "revoked",
  expired: { expires: "2026-01-02T00:00:00.000Z" },
  "wrong network": { cidr: ["192.0.2.0/24"] },
  "read-only": { readonly: true },
  "stage-only": { stageOnly: true },
  "no packages": { noPackages: true },
};
const REFUSED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  anonymous: { stage: 401, write: 401, account: 401, admin: 401 },
  revoked: { public: 401, read: 401, stage: 401, write: 401, account: 401, admin: 401 },
  expired: { public: 401, read: 401, stage: 401, write: 401, account: 401, admin: 401 },
  "wrong network": { read: 403, stage: 403, write: 403, account: 403, admin: 403 },
  "read-only": { stage: 403, write: 403, admin: 403 },
  "stage-only": { write: 403, admin: 403 },
  "no packages": { stage: 403, write: 403 },
};

let registry: Harness;
beforeAll(async () => {
  registry = await startApp({ settings: { rights, admins: ["alice"] }, address: "10.0.0.1" });
});
afterAll(() => registry[Symbol.asyncDispose]());

/** The headers of a caller. All of them are tokens of the administrator, so that only their limits refuse. */
async function headersOf(caller: string): Promise<Record<string, string>> {
  const limits = CALLERS[caller];
  if (limits === "none") return {};
  if (limits === "revoked") return { authorization: "Bearer cbx_revoked" };
  const grant = { user: "alice", readonly: false, label: caller, created: "2026-01-01T00:00:00.000Z", ...limits };
  return { authorization: `Bearer ${await issueToken({ ...registry, ids: systemIds }, grant)}` };
}

describe("every route of the app, for a caller who is", () => {
  test.each(Object.keys(CALLERS))("%s, is refused as its group says", async (caller) => {
    const headers = await headersOf(caller);
    for (const { method, path, right } of routesOf(registry.app)) {
      const refused = REFUSED[caller]?.[String(right)];
      if (refused === undefined) continue;
      const url = `http://registry.test${path.replace(":name", "wire").replaceAll(/:\w+/g, "other")}`;
      const { status } = await registry.app.request(url, { method, headers });
      expect(status, `${method} ${path}`).toBe(refused);
    }
  });
});

const job = (packages: readonly string[], permissions: readonly ("publish" | "tag")[]): Principal => ({
  kind: "token",
  name: "github:acme/wire",
  tokenHash: "00",
  readonly: false,
  packages,
  workload: { type: "github", rule: "1", permissions },
});
const PRINCIPALS: readonly (readonly [string, Principal])[] = [
  ["anonymous", ANONYMOUS],
  ...["reader", "tagger", "publisher", "owner", "root"].map((name) => [name, { kind: "user", name }] as const),
  ["service", { kind: "service", name: "deploy" }],
  ["other service", { kind: "service", name: "other" }],
  ["workload", job(["wire"], ["publish"])],
  ["workload that moves tags", job(["wire"], ["tag"])],
  ["other package's workload", job(["other"], ["publish"])],
  ...(["readonly", "stageOnly", "noPackages"] as const).map(
    (limit) => [limit, { kind: "token", name: "owner", tokenHash: "00", readonly: false, [limit]: true }] as const,
  ),
  [
    "token for another package",
    { kind: "token", name: "owner", tokenHash: "00", readonly: false, packages: ["other"] },
  ],
  [
    "token for another network",
    { kind: "token", name: "owner", tokenHash: "00", readonly: false, cidr: ["192.0.2.0/24"] },
  ],
];

test("every kind of change of a package, for every kind of principal", () => {
  const policy = createPolicy({ anonymousRead: true, admins: ["root"], rights });
  const target = { name: "wire", packument: { maintainers: [{ name: "owner" }] } };
  const kinds = Change.options.map(({ shape }) => shape.type.value);
  const table = Object.fromEntries(
    PRINCIPALS.map(([name, principal]) => [
      name,
      kinds
        .filter((type) => policy.may(principal, actionOf({ type } as Change), target).allowed)
        .toSorted()
        .join(" "),
    ]),
  );
  expect(table).toMatchInlineSnapshot(`
    {
      "anonymous": "",
      "noPackages": "",
      "other package's workload": "",
      "other service": "star",
      "owner": "deprecate name.give-back owners publish rules.put stage stage.reject star tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo unpublish.all unpublish.versions",
      "publisher": "deprecate publish stage stage.reject star tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo",
      "reader": "star",
      "readonly": "",
      "root": "deprecate name.give-back owners publish rules.put stage stage.reject star tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo unpublish.all unpublish.versions",
      "service": "star tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo",
      "stageOnly": "stage",
      "tagger": "star tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo",
      "token for another network": "",
      "token for another package": "",
      "workload": "publish stage stage.reject tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo",
      "workload that moves tags": "tag.put tag.remove tags.approve tags.merge tags.replace tags.restore tags.undo",
    }
  `);
});
