import type { AccessTarget, Action, Refusal } from "./principal.ts";
import type { Identity } from "./tokens.ts";
import type { TrustPermission } from "./trust.ts";
import { isInNetworks } from "./addresses.ts";
import { CHANGE_ACTIONS } from "../domain/changes/shared/definition.ts";

/** The actions that a read-only token may not do. */
const CHANGING: ReadonlySet<Action> = new Set<Action>(["write", ...CHANGE_ACTIONS, "access", "revoke", "admin"]);
/** The actions that are about packages. */
const ON_PACKAGES: ReadonlySet<Action> = new Set<Action>(["read", "write", ...CHANGE_ACTIONS, "access"]);

/**
 * Why a token may not do what its user may; `undefined`: its limits allow it. Pure.
 *
 * @param isPublic whether a caller without a token may do it too. Limits to packages do not take that away: `npm ci` sends one
 * token for all packages of the registry.
 */
export function refusalOfToken(
  token: Identity,
  action: Action,
  target: AccessTarget | undefined,
  isPublic: boolean,
): Refusal | undefined {
  if (token.cidr && !(token.address !== undefined && isInNetworks(token.address, token.cidr)))
    return refuse(
      "token is limited to networks",
      `this token may not be used from ${token.address ?? "an unknown address"}, only from ${token.cidr.join(", ")}`,
    );
  if (isPublic) return undefined;
  if (token.readonly && CHANGING.has(action)) return readOnly(action);
  if (token.noPackages && ON_PACKAGES.has(action))
    return refuse("token has no access to packages", "this token has no right on packages; use one that has");
  if (token.stageOnly && CHANGING.has(action) && action !== "stage")
    return refuse(
      "token is stage-only",
      "this token may only stage versions for approval, and changes nothing directly; use a token that may publish",
    );
  return beyondGrant(token, action) ?? beyondPackages(token, action, target);
}

/** What each permission of a trust rule allows. A publish moves tags anyway, so it includes `tag`. */
const GRANTS: Readonly<Record<TrustPermission, readonly Action[]>> = {
  publish: ["read", "write", "publish", "stage", "tag", "account"],
  tag: ["read", "write", "tag", "account"],
  stage: ["read", "stage", "account"],
};

function beyondGrant({ workload }: Identity, action: Action): Refusal | undefined {
  if (!workload || workload.permissions.some((permission) => GRANTS[permission].includes(action))) return undefined;
  return refuse(
    "trust rule grants other actions",
    `the trust rule of this CI job allows it to ${workload.permissions.join(" and ")}, not to ${action}`,
  );
}

/** A name that has no document has nothing to read here, so it is not refused: it is the upstream's, or nobody's. */
function beyondPackages(
  { packages, scopes }: Identity,
  action: Action,
  target: AccessTarget | undefined,
): Refusal | undefined {
  if (packages === undefined && scopes === undefined) return undefined;
  const rule = "token is limited to packages";
  if (action === "revoke" || action === "admin")
    return refuse(rule, "this token is limited to packages; use one without this limit");
  if (target === undefined || (action === "read" && target.packument === undefined)) return undefined;
  const { name } = target;
  if (packages?.includes(name) || scopes?.some((scope) => name.startsWith(`${scope}/`))) return undefined;
  const names = [...(packages ?? []), ...(scopes ?? []).map((scope) => `${scope}/*`)];
  const shown = names.length > SHOWN_MAX ? [...names.slice(0, SHOWN_MAX), "…"] : names;
  return refuse(rule, `this token is not for the package "${name}", only for ${shown.join(", ") || "none"}`);
}

/** Most names in a message. */
const SHOWN_MAX = 5;

function readOnly(action: Action): Refusal {
  const reason =
    action === "revoke"
      ? "this token may only read, and so revokes none but itself; use one that may write"
      : "this token may only read; use one that may write";
  return refuse("token is read-only", reason);
}

function refuse(rule: string, reason: string): Refusal {
  return { allowed: false, rule, code: "forbidden", reason };
}
