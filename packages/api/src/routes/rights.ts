import {
  CHANGE_ACTIONS,
  compareRights,
  isReadableName,
  RIGHTS_BYTES_MAX,
  RightsSpec,
  rightsTargets,
  specOf,
  UserName,
  withoutOwn,
  type Action,
} from "@codebox/core";
import * as z from "zod";
import { namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { AppContext, RightsPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { storedRights } from "../rights.ts";
import { confirmRights } from "../second-factor.ts";
import { parseBody } from "./sign-in.ts";

const EXPLAINED = ["read", ...CHANGE_ACTIONS, "access", "admin"] as const satisfies readonly Action[];
const Action = z.enum(EXPLAINED, { error: `must be one of ${EXPLAINED.join(", ")}` });

/**
 * The rights as a document, for administrators: `GET /-/access` reads it, `GET /-/access/explain?user=&action=&package=` names the
 * rule that decides, and `POST /-/access/compare` says what other rights would allow and forbid.
 */
export const rightsReadRoutes = (ports: RightsPorts): RouteGroup =>
  routeGroup("admin", (on) => {
    on.get("/-/access", async (c) => {
      const { rights, etag } = await storedRights(ports);
      c.header("etag", etag ?? NONE);
      return c.json(rights);
    });
    on.get("/-/access/explain", async (c) => {
      const name = parseBody(UserName, c.req.query("user"));
      const action = parseBody(Action, c.req.query("action"));
      const target = c.req.query("package");
      if (target !== undefined && !isReadableName(target))
        throw new ApiError("invalid", '"package" is no package name');
      await storedRights(ports);
      const packument = target === undefined ? undefined : (await ports.reader.read(target))?.packument;
      const decision = ports.policy.may(
        { kind: "user", name },
        action,
        target === undefined ? undefined : { name: target, packument },
      );
      return c.json({ user: name, action, ...(target === undefined ? {} : { package: target }), ...decision });
    });
    on.post("/-/access/compare", async (c) => {
      const after = await specIn(c);
      const { rights: before } = await storedRights(ports);
      return c.json(
        compareRights(
          { ...ports.policySettings, before, after },
          rightsTargets(await ports.searchIndex.list(), before, after),
        ),
      );
    });
  });

/** `PUT /-/access` replaces the rights. `If-Match` with the ETag that was read, so that nobody's change is lost. */
export const rightsWriteRoutes = (ports: RightsPorts): RouteGroup =>
  routeGroup("admin", (on) => {
    on.put("/-/access", async (c) => {
      const expected = c.req.header("if-match");
      if (expected === undefined)
        throw new ApiError(
          "precondition_failed",
          "send the ETag of GET /-/access as If-Match, so that no change is lost",
        );
      const spec = await specIn(c);
      await storedRights(ports);
      await confirmRights(c, ports);
      const edited = await ports.rights.edit(namedCaller(c).name, (_, etag) =>
        (etag ?? NONE) === expected
          ? { ok: true, spec, what: "rights replaced", decided: true }
          : { ok: false, problem: "the rights changed since you read them; read them again and decide again" },
      );
      if (!edited.ok) throw new ApiError("precondition_failed", edited.problem);
      c.get("audit")({ kind: "rights", what: `replaced the rights: revision ${edited.rights.revision}` });
      return c.json({ ok: true, revision: edited.rights.revision });
    });
  });

/** The ETag of rights that are not stored. */
const NONE = '"none"';

async function specIn(c: AppContext): Promise<RightsSpec> {
  return specOf(parseBody(RightsSpec, withoutOwn(await readJson(c, RIGHTS_BYTES_MAX))));
}
