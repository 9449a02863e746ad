import { stateOf, UserName, type Person } from "@codebox/core";
import * as z from "zod";
import { readJson } from "../body.ts";
import type { ApiSettings, AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";
import { draftOwners } from "../publish/amend.ts";
import { submitChange } from "../submission.ts";
import { CREDENTIALS_BYTES_MAX, parseBody } from "./sign-in.ts";

const NewOwner = z.looseObject({ user: UserName });

/** `pnpm owner add` and `rm`, which name one owner and read nothing before; and what is refused because access cannot be set. */
export const ownerRoutes = (ports: WritePorts, settings: ApiSettings): RouteGroup =>
  routeGroup("write", (on) => {
    /** Also refused when the owners changed since they were read here. */
    const change = async (c: AppContext, edit: (owners: readonly Person[]) => readonly Person[]) => {
      const { packument } = await requirePackage(c, ports, packageName(c));
      const before = packument.maintainers ?? [];
      const after = edit(before);
      if (after.length === before.length) return c.json({ ok: true, id: packument.name });
      const draft = { ...draftOwners(packument, after, undefined), baseRevision: stateOf(packument).revision };
      return submitChange(c, ports, settings, draft, () => ({ status: 200, body: { ok: true, id: packument.name } }));
    };

    on.put("/-/package/:name/owners", async (c) => {
      const { user } = parseBody(NewOwner, await readJson(c.req.raw, CREDENTIALS_BYTES_MAX));
      return change(c, (owners) => (owners.some(({ name }) => name === user) ? owners : [...owners, { name: user }]));
    });

    on.delete("/-/package/:name/owners/:user", async (c) => {
      const user = c.req.param("user");
      return change(c, (owners) => {
        const left = owners.filter(({ name }) => name !== user);
        if (left.length === owners.length)
          throw new ApiError("not_found", `"${user.slice(0, 80)}" is not an owner of this package`);
        return left;
      });
    });

    on.post("/-/package/:name/access", async (c) => {
      packageName(c);
      throw new ApiError(
        "invalid",
        "the access of a package can't be set here: everybody who may read the registry may read all of it",
      );
    });
  });
