import { setSecondFactor, setVisibility, stateOf, UserName, type Person } from "@codebox/core";
import * as z from "zod";
import { demand, namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { ApiSettings, AppContext, RightsPorts, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { packageName, requirePackage } from "../lookup.ts";
import { editRights, storedRights } from "../rights.ts";
import { draftOwners } from "../publish/amend.ts";
import { submitChange } from "../submission.ts";
import { CREDENTIALS_BYTES_MAX, parseBody } from "./sign-in.ts";

const NewAccess = z.looseObject({
  access: z.enum(["public", "restricted", "private"], { error: 'must be "public" or "restricted"' }).optional(),
  publish_requires_tfa: z.boolean().optional(),
  automation_token_overrides_tfa: z.boolean().optional(),
});
const NewOwner = z.looseObject({ user: UserName });

/** `pnpm owner add` and `rm`, which name one owner and read nothing before; `npm access set`. */
export const ownerRoutes = (ports: WritePorts & RightsPorts, settings: ApiSettings): RouteGroup =>
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
      const { user } = parseBody(NewOwner, await readJson(c, CREDENTIALS_BYTES_MAX));
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

    // npm access set status and set mfa. npm asks for the visibility afterwards.
    on.post("/-/package/:name/access", async (c) => {
      const name = packageName(c);
      const { access, publish_requires_tfa, automation_token_overrides_tfa } = parseBody(
        NewAccess,
        await readJson(c, CREDENTIALS_BYTES_MAX),
      );
      await storedRights(ports);
      const { packument } = await requirePackage(c, ports, name);
      demand(ports.policy.may(namedCaller(c), "access", { name, packument }));
      if (access !== undefined) {
        const visibility = access === "public" ? "public" : "private";
        await editRights(c, ports, `${name} is ${visibility}`, (rights) => setVisibility(rights, name, visibility));
      }
      if (publish_requires_tfa !== undefined) {
        const rule = publish_requires_tfa
          ? automation_token_overrides_tfa === true
            ? "automation"
            : "required"
          : "off";
        const what = `second factor for ${name}: ${rule}`;
        await editRights(c, ports, what, (rights) => setSecondFactor(rights, name, rule));
      }
      return c.json({ ok: true }, 201);
    });
  });
