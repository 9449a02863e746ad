import { shownPerson } from "@codebox/core";
import { namedCaller } from "../auth.ts";
import type { AccountPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { USER_ID, userName } from "./sign-in.ts";

/** Who am I, and other users. Source: npm-profile lib/index.js. */
export const accountRoutes = ({ identities }: Pick<AccountPorts, "identities">): RouteGroup =>
  routeGroup("account", (on) => {
    on.get("/-/whoami", (c) => c.json({ username: namedCaller(c).name }));

    on.get("/-/user/:id", async (c) => {
      const name = userName(c);
      const profile = await identities.find(name);
      if (!profile) throw new ApiError("not_found", `there is no user "${name}"`);
      // Nobody else's address: npm's owner command only wants one to be there.
      const isCaller = name === namedCaller(c).name;
      const person = shownPerson(isCaller ? profile : { name });
      return c.json({ _id: `${USER_ID}${name}`, ...person, type: "user", roles: [] });
    });
  });
