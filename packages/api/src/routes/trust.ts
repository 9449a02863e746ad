import {
  Scope,
  TRUST_RULES_MAX,
  TrustClaims,
  trustProblem,
  WORKLOAD_TYPES,
  type Clock,
  type Ids,
  type TrustPermission,
  type TrustRule,
  type TrustStore,
} from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";
import { confirm } from "../second-factor.ts";
import { parseBody } from "./sign-in.ts";

/** Bytes of a request: one rule. */
const RULE_BYTES_MAX = 64 * 1024;

/** npm's names of the permissions, and one of ours: npm has none for moving tags alone. Source: npm lib/trust-cmd.js. */
const PERMISSIONS = { createPackage: "publish", createStagedPackage: "stage", moveTags: "tag" } as const;
const NAMES = Object.keys(PERMISSIONS) as readonly (keyof typeof PERMISSIONS)[];

const NewRule = z.strictObject({
  type: z.enum(WORKLOAD_TYPES),
  issuer: z.string().max(512).optional(),
  claims: TrustClaims,
  permissions: z.array(z.enum(NAMES)).min(1).max(NAMES.length),
});
/** Bounded, because it becomes a part of a key. */
const TrustScope = Scope.max(102);
/** npm sends a list of one. */
const Body = z.preprocess((body) => (Array.isArray(body) && body.length === 1 ? body[0] : body), NewRule);

type ReadTrustPorts = Pick<WritePorts, "catalog" | "policy" | "factors"> & { readonly trust: TrustStore };
type TrustPorts = ReadTrustPorts & Pick<WritePorts, "ids"> & { readonly clock: Pick<Clock, "now"> };

/** What has trust rules: a package, for its owners, and a scope, for administrators. */
const TARGETS = [
  { path: "/-/package/:name/trust", targetOf: ownedPackage },
  { path: "/-/scope/:scope/trust", targetOf: administeredScope },
] as const;

/**
 * Lists trust rules: which CI jobs get a token without a secret. Only who may change them may see them.
 * Source: npm lib/commands/trust/list.js; the routes of a scope are ours.
 */
export const trustReadRoutes = (ports: ReadTrustPorts): RouteGroup =>
  routeGroup("read", (on) => {
    for (const { path, targetOf } of TARGETS)
      on.get(path, async (c) => c.json((await ports.trust.list(await targetOf(c, ports))).map(shown)));
  });

/** Makes and revokes trust rules. Source: npm lib/trust-cmd.js, lib/commands/trust. */
export const trustWriteRoutes = (ports: TrustPorts): RouteGroup =>
  routeGroup("write", (on) => {
    const { trust } = ports;
    for (const { path, targetOf } of TARGETS) {
      on.post(path, async (c) => {
        const target = await targetOf(c, ports);
        // A trusted job publishes without a second factor, so trusting it needs one.
        await confirm(c, ports, target);
        const rule = newRule(parseBody(Body, await readJson(c, RULE_BYTES_MAX)), namedCaller(c).name, ports);
        if (!(await trust.add(target, rule)))
          throw new ApiError("too_large", `${target} has ${TRUST_RULES_MAX} trust rules; revoke some that nobody uses`);
        c.get("audit")({ kind: "trust", what: `made the trust rule ${rule.id} (${rule.type})`, package: target });
        return c.json([shown(rule)], 201);
      });
      on.delete(`${path}/:id`, async (c) => {
        const target = await targetOf(c, ports);
        await confirm(c, ports, target);
        const id = c.req.param("id") ?? "";
        if (!(await trust.remove(target, id)))
          throw new ApiError("not_found", `${target} has no trust rule with this id; "npm trust list" shows them`);
        c.get("audit")({ kind: "trust", what: `revoked the trust rule ${id}`, package: target });
        return c.body(null, 204);
      });
    }
  });

/** The package of a request whose caller may change its owners. */
async function ownedPackage(c: AppContext, ports: ReadTrustPorts): Promise<string> {
  namedCaller(c);
  const name = packageName(c);
  const { packument } = await requirePackage(c, ports, name);
  demand(ports.policy.may(c.get("principal"), "owners", { name, packument }));
  return name;
}

async function administeredScope(c: AppContext, { policy }: ReadTrustPorts): Promise<string> {
  demand(policy.may(c.get("principal"), "admin"));
  const scope = c.req.param("scope") ?? "";
  if (!TrustScope.safeParse(scope).success)
    throw new ApiError("invalid", `"${scope.slice(0, 80)}" is not a scope; write it as "@acme"`);
  return `${scope}/*`;
}

function newRule(
  { type, issuer, claims, permissions }: z.infer<typeof NewRule>,
  by: string,
  { clock, ids }: { readonly clock: Pick<Clock, "now">; readonly ids: Ids },
): TrustRule {
  const allowed = new Set<TrustPermission>(permissions.map((name) => PERMISSIONS[name]));
  const chosen = { type, claims, ...(issuer === undefined ? {} : { issuer }) };
  const problem = trustProblem(chosen);
  if (problem) throw new ApiError("invalid", problem);
  return { ...chosen, id: ids.next(), permissions: [...allowed], by, created: clock.now().toISOString() };
}

function shown({ permissions, ...rule }: TrustRule) {
  return { ...rule, permissions: NAMES.filter((name) => permissions.includes(PERMISSIONS[name])) };
}
