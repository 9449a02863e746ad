import {
  HISTORY_PAGE_MAX,
  historyPage,
  isRecord,
  movesTags,
  own,
  Scope,
  setScopeRules,
  stateOf,
  TagRules,
  wouldRefuse,
  type TagRule,
} from "@codebox/core";
import { demand, namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { ApiSettings, AppContext, ReadPorts, RightsPorts, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";
import { editRights, storedRights } from "../rights.ts";
import { submitChange } from "../submission.ts";

const RULES = "/-/package/:name/rules";
const SCOPE_RULES = "/-/scope/:scope/rules";

/** Bytes. The most rules with the longest fields are about half of it. */
const RULES_BYTES_MAX = 1024 * 1024;
const APPROVAL_BYTES_MAX = 4 * 1024;

/** The rules for a package's tags, and those of a scope. */
export const ruleReadRoutes = (ports: Pick<ReadPorts, "catalog"> & RightsPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.get(SCOPE_RULES, async (c) => {
      namedCaller(c);
      const scope = scopeIn(c);
      const { rights } = await storedRights(ports);
      return c.json({ scope, rules: own(rights.rules, `${scope}/*`) ?? [] });
    });

    on.get(RULES, async (c) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      c.header("cache-control", "private, no-cache");
      const { rules = [], approvals = [] } = stateOf(packument);
      return c.json({ name: packument.name, rules, approvals });
    });
  });

/** Replacing the rules, or a trial of them against the history. */
export const ruleWriteRoutes = (ports: WritePorts & RightsPorts, settings: Pick<ApiSettings, "waitMs">): RouteGroup =>
  routeGroup("write", (on) => {
    on.put(SCOPE_RULES, async (c) => {
      const scope = scopeIn(c);
      const { rules, dryRun } = await rulesIn(c);
      if (dryRun) throw new ApiError("invalid", "a dry run is for one package; the rules of a scope are tried on each");
      await storedRights(ports);
      demand(ports.policy.may(namedCaller(c), "access", { name: `${scope}/*`, packument: undefined }));
      await editRights(c, ports, `${scope}/* has ${rules.length} rules for tags`, (rights) =>
        setScopeRules(rights, scope, rules),
      );
      return c.json({ ok: true, scope, rules });
    });

    on.put(RULES, async (c) => {
      const { rules, dryRun } = await rulesIn(c);
      const name = packageName(c);
      if (dryRun) return c.json(await trial(c, ports, name, rules));
      return submitChange(c, ports, settings, { type: "rules.put", name, rules }, () => ({
        status: 200,
        body: { ok: true, id: name, rules },
      }));
    });

    on.post("/-/package/:name/approvals", async (c) => {
      const name = packageName(c);
      const { tag, version } = await approvalIn(c);
      return submitChange(c, ports, settings, { type: "tags.approve", name, tag, version }, () => ({
        status: 200,
        body: { ok: true, id: name, tag, version },
      }));
    });
  });

function scopeIn(c: AppContext): string {
  const scope = c.req.param("scope") ?? "";
  if (Scope.safeParse(scope).success) return scope;
  throw new ApiError("invalid", `"${scope.slice(0, 80)}" is not a scope; write it as "@acme"`);
}

async function approvalIn(c: AppContext): Promise<{ readonly tag: string; readonly version: string }> {
  const body = await readJson(c, APPROVAL_BYTES_MAX);
  const { tag, version } = isRecord(body) ? body : {};
  if (typeof tag !== "string" || typeof version !== "string")
    throw new ApiError("invalid", 'the body must name a tag and a version: {"tag": "latest", "version": "2.0.0"}');
  return { tag, version };
}

async function rulesIn(c: AppContext): Promise<{ readonly rules: TagRule[]; readonly dryRun: boolean }> {
  const body = await readJson(c, RULES_BYTES_MAX);
  const { rules, dryRun = false, ...others } = isRecord(body) ? body : {};
  if (!Array.isArray(rules) || typeof dryRun !== "boolean" || Object.keys(others).length > 0)
    throw new ApiError(
      "invalid",
      'the body must be {"rules": [{"tags": "latest", "forward": true}]}, and may have "dryRun"',
    );
  const parsed = TagRules.safeParse(rules);
  if (parsed.success) return { rules: parsed.data, dryRun };
  const [issue] = parsed.error.issues;
  const where = ["rules", ...(issue?.path ?? [])].join(".");
  throw new ApiError("invalid", `${where}: ${issue?.message ?? "malformed"}`);
}

/** What the rules would have refused among the newest moves. Nothing is changed. */
async function trial(c: AppContext, ports: WritePorts, name: string, rules: readonly TagRule[]) {
  const { packument } = await requirePackage(c, ports, name);
  const query = { limit: HISTORY_PAGE_MAX, matches: (record: Parameters<typeof movesTags>[0]) => movesTags(record) };
  const { entries } = await historyPage(ports.store, packument, query);
  const refused = wouldRefuse(rules, entries, packument, ports.policy.ruleContext);
  return { ok: true, id: name, dryRun: true, rules, looked: entries.length, refused };
}
