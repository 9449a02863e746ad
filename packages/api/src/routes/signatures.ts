import { isReadableName } from "@codebox/core";
import semver from "semver";
import type { ReadPorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { findPackage } from "../lookup.ts";

/**
 * What `npm audit signatures` asks for: the upstream's keys, and the attestations of its packages. Our own packages are not signed.
 * Source: npm lib/utils/verify-signatures.js; pacote lib/registry.js.
 */
export const signatureRoutes = (ports: ReadPorts): RouteGroup =>
  routeGroup("read", (on) => {
    on.get("/-/npm/v1/keys", async (c) => c.json((await ports.upstream?.signatures.keys()) ?? { keys: [] }));

    // A scope's slash may be escaped or not.
    on.get("/-/npm/v1/attestations/:spec{.+}", async (c) => {
      const spec = c.req.param("spec") ?? "";
      const at = spec.lastIndexOf("@");
      const [name, version] = [spec.slice(0, Math.max(0, at)), spec.slice(at + 1)];
      if (!isReadableName(name) || semver.valid(version) !== version)
        throw new ApiError("invalid", `"${spec.slice(0, 80)}" is not a package with a version, such as "wire@1.0.0"`);
      const found = await findPackage(c, ports, name);
      const attestations =
        found.kind === "upstream" ? await found.upstream.signatures.attestations(name, version) : undefined;
      if (attestations === undefined) throw new ApiError("not_found", `${name}@${version} has no attestations`);
      return c.json(attestations);
    });
  });
