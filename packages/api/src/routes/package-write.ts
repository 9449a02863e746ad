import {
  BODY_BYTES_MAX,
  createUnansweredPublishes,
  isRecord,
  own,
  versionOfFile,
  type Draft,
  type Packument,
} from "@codebox/core";
import { namedCaller } from "../auth.ts";
import { readJson } from "../body.ts";
import type { ApiSettings, AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { loggable } from "../loggable.ts";
import { findPackage, notFound, packageName, requirePackage } from "../lookup.ts";
import { draftDeprecate, draftOwners, draftStar, draftUnpublish, revisionIn } from "../publish/amend.ts";
import { isPublish, openRequest, publish, receive } from "../publish/request.ts";
import { withStaging } from "../publish/staging.ts";
import { createRepeats } from "../repeats.ts";
import { submitChange } from "../submission.ts";

/** Publish, deprecate, unpublish, owners and star. Source: libnpmpublish lib/publish.js and unpublish.js; npm lib/commands/{deprecate,owner,star}.js. */
export const packageWriteRoutes = (ports: WritePorts, settings: ApiSettings): RouteGroup =>
  routeGroup("write", (on) => {
    const repeats = createRepeats(createUnansweredPublishes(ports), (error) =>
      ports.onFailure?.(error, { method: "PUT", path: "/:name" }),
    );
    on.put("/:name", async (c) => {
      const name = packageName(c);
      const onFailure = (error: unknown) => reportTo(ports, c, error);
      return withStaging({ ...ports, onFailure }, settings, async (area) => {
        const request = openRequest(c, { ports, settings, area, repeats }, name);
        const body = await receive(request);
        return isPublish(body) ? publish(request, body) : amend(c, ports, settings, name, body);
      });
    });

    on.put("/:name/-rev/:rev", async (c) => {
      const name = packageName(c);
      const body = await readJson(c, BODY_BYTES_MAX);
      if (!isRecord(body)) throw new ApiError("invalid", "the body must be a packument: a JSON object");
      // A revision that is none of ours (yarn 1 sends "undefined") states none. Only a removal needs it.
      if (!isRecord(body["versions"])) return amend(c, ports, settings, name, { _rev: c.req.param("rev"), ...body });
      const { packument } = await requirePackage(c, ports, name);
      const draft =
        draftUnpublish(packument, body["versions"], revisionIn(c.req.param("rev"))) ??
        // pnpm stars with a copy of the whole packument.
        starChange(packument, body["users"], namedCaller(c).name);
      if (!draft) return c.json({ ok: "nothing to change", success: true }, 201);
      return submitAmendment(c, ports, settings, draft);
    });

    on.delete("/:name/-rev/:rev", async (c) => {
      const draft = {
        type: "unpublish.all" as const,
        name: packageName(c),
        baseRevision: revisionIn(c.req.param("rev")),
      };
      return submitChange(c, ports, settings, draft, () => ({
        status: 201,
        body: { ok: "package removed", success: true },
      }));
    });

    // npm sends it after the PUT that removed the version. By then the consumer has deleted the tarball.
    on.delete("/:name/-/:file/-rev/:rev", async (c) => {
      const name = packageName(c);
      const found = await findPackage(c, ports, name, { toWrite: true });
      const read = found.kind === "ours" ? found.read : found.kind === "absent" ? found.tombstone : undefined;
      if (!read) throw notFound(name);
      const listed = versionOfFile(read.packument, c.req.param("file"));
      if (listed !== undefined)
        throw new ApiError("conflict", `${name}@${listed} still names this tarball; unpublish the version`);
      return c.json({ ok: "tarball removed", success: true }, 201);
    });
  });

function reportTo({ onFailure }: WritePorts, c: AppContext, error: unknown): void {
  onFailure?.(error, { method: c.req.method, path: loggable(c.req.path) });
}

/** A PUT without a tarball: the fields in the body show which command the client runs. */
async function amend(
  c: AppContext,
  ports: WritePorts,
  settings: ApiSettings,
  name: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const { packument } = await requirePackage(c, ports, name);
  const draft = amendment(packument, body, namedCaller(c).name);
  if (!draft) return c.json({ ok: "nothing to change", success: true }, 200);
  return submitAmendment(c, ports, settings, draft);
}

function submitAmendment(c: AppContext, ports: WritePorts, settings: ApiSettings, draft: Draft): Promise<Response> {
  return submitChange(c, ports, settings, draft, () => ({
    status: draft.type === "star" ? 200 : 201,
    body: { ok: "package changed", success: true },
  }));
}

/** The caller's own star, where it differs from the present one. */
function starChange(packument: Packument, users: unknown, user: string) {
  if (!isRecord(users)) return undefined;
  const draft = draftStar(packument, users, user);
  return draft.starred === (own(packument.users ?? {}, user) === true) ? undefined : draft;
}

function amendment(packument: Packument, body: Readonly<Record<string, unknown>>, user: string) {
  if (isRecord(body["versions"])) return draftDeprecate(packument, body["versions"], body["_rev"]);
  if (body["maintainers"] !== undefined) return draftOwners(packument, body["maintainers"], body["_rev"]);
  if (isRecord(body["users"])) return draftStar(packument, body["users"], user);
  throw new ApiError(
    "invalid",
    "the body publishes nothing (no _attachments) and amends nothing (no versions, maintainers or users)",
  );
}
