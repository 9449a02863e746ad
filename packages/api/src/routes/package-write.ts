import { BODY_BYTES_MAX, isRecord, versionOfFile, type Packument } from "@codebox/core";
import { demand, namedCaller } from "../auth.ts";
import { bodyBytes, readJson } from "../body.ts";
import type { ApiSettings, AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { routeGroup, type RouteGroup } from "../groups.ts";
import { parseStream } from "../json.ts";
import { findPackage, notFound, packageName, requirePackage } from "../lookup.ts";
import { draftDeprecate, draftOwners, draftStar, draftUnpublish, revisionIn } from "../publish/amend.ts";
import { decodeBase64 } from "../publish/base64.ts";
import { checkProvenance, isProvenance, PROVENANCE_NOTICE, withoutProvenance } from "../publish/provenance.ts";
import { draftPublish, readPublish, stagedUpload } from "../publish/publish.ts";
import { createRepeats, type Asker, type Repeats } from "../publish/repeats.ts";
import { openStaging, type Attachment, type Staging } from "../publish/staging.ts";
import { submitChange } from "../submission.ts";

/** Publish, deprecate, unpublish, owners and star. Source: libnpmpublish lib/publish.js and unpublish.js; npm lib/commands/{deprecate,owner,star}.js. */
export const packageWriteRoutes = (ports: WritePorts, settings: ApiSettings): RouteGroup =>
  routeGroup("write", (on) => {
    const repeats = createRepeats();
    on.put("/:name", async (c) => {
      const name = packageName(c);
      const staging = openStaging(ports, settings);
      const parts = { ports, settings, staging, repeats };
      try {
        const body = await receive(c, parts, name);
        if (!isRecord(body)) throw new ApiError("invalid", "the body must be a packument: a JSON object");
        return await (isPublish(body) ? publish(c, parts, name, body) : amend(c, ports, settings, name, body));
      } finally {
        await staging.close();
      }
    });

    on.put("/:name/-rev/:rev", async (c) => {
      const name = packageName(c);
      const body = await readJson(c.req.raw, BODY_BYTES_MAX);
      if (!isRecord(body)) throw new ApiError("invalid", "the body must be a packument: a JSON object");
      // A revision that is none of ours (yarn 1 sends "undefined") states none. Only a removal needs it.
      if (!isRecord(body["versions"])) return amend(c, ports, settings, name, { _rev: c.req.param("rev"), ...body });
      const { packument } = await requirePackage(c, ports, name);
      const draft = draftUnpublish(packument, body["versions"], revisionIn(c.req.param("rev")));
      if (!draft) return c.json({ ok: "nothing to change", success: true }, 201);
      return submitChange(c, ports, settings, draft, () => ({
        status: 201,
        body: { ok: "package changed", success: true },
      }));
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

/** What a publish request works with. */
type PublishParts = {
  readonly ports: WritePorts;
  readonly settings: ApiSettings;
  readonly staging: Staging;
  readonly repeats: Repeats;
};

/** Reads the body. A tarball in it is staged while it streams in, once the document before it is found to be right. */
function receive(c: AppContext, { ports, settings, staging, repeats }: PublishParts, name: string): Promise<unknown> {
  // base64 takes four bytes for three.
  const bytes = bodyBytes(c.req.raw, Math.ceil((settings.tarballBytesMax * 4) / 3) + BODY_BYTES_MAX);
  return parseStream(bytes, {
    maxBytes: BODY_BYTES_MAX,
    async onData(file, data, before) {
      if (isProvenance(file)) return checkProvenance(file, data);
      if (before["versions"] !== undefined) {
        const document = readPublish(name, before);
        const current = await packumentToPublish(c, ports, name);
        const complete = before["dist-tags"] !== undefined;
        repeats.refuseExisting(current, { asker: askerOf(c), name, document }, { complete });
      }
      await staging.stream(file, decodeBase64(data));
    },
  });
}

function isPublish(body: Readonly<Record<string, unknown>>): boolean {
  return isRecord(body["_attachments"]) && Object.keys(body["_attachments"]).length > 0;
}

async function publish(
  c: AppContext,
  { ports, settings, staging, repeats }: PublishParts,
  name: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const document = readPublish(name, body);
  const asked = { asker: askerOf(c), name, document };
  const current = await packumentToPublish(c, ports, name);
  repeats.refuseExisting(current, asked, { complete: true });
  const attachments = isRecord(body["_attachments"]) ? body["_attachments"] : {};
  const tarballs = withoutProvenance(name, document.version, attachments);
  if (tarballs.length < Object.keys(attachments).length) c.header("npm-notice", PROVENANCE_NOTICE);
  const answer = (): { status: 201; body: Record<string, unknown> } => ({
    status: 201,
    body: { ok: current ? "package changed" : "created new package", success: true, id: name },
  });
  const applied = repeats.applied(current, asked);
  if (applied !== undefined && staging.attachment() === undefined) {
    // The upload that the document names was published, and no longer exists.
    c.header("codebox-change", applied);
    return c.json(answer().body, answer().status);
  }
  const attachment = await theAttachment(staging, tarballs);
  const draft = draftPublish(name, document, attachment);
  const { integrity } = attachment;
  const id = repeats.idOf(asked, integrity) ?? ports.ids.next();
  return repeats.watch(asked, { id, integrity, signal: c.req.raw.signal }, () =>
    staging.whileNeeded(() => submitChange(c, ports, settings, draft, answer, id)),
  );
}

/** The package as stored, for a caller who may publish it. Checked before a tarball is stored. @throws ApiError `forbidden` */
async function packumentToPublish(c: AppContext, ports: WritePorts, name: string): Promise<Packument | undefined> {
  const packument = (await ports.reader.read(name))?.packument;
  demand(ports.policy.may(c.get("principal"), "publish", { name, packument }));
  return packument;
}

function askerOf(c: AppContext): Asker {
  return { headers: c.req.raw.headers, user: namedCaller(c).name };
}

/** The publish's tarball: staged from the body, or taken from the upload that the document names. */
async function theAttachment(staging: Staging, tarballs: readonly (readonly [string, unknown])[]): Promise<Attachment> {
  const [[file, stated] = ["", undefined], ...others] = tarballs;
  if (others.length > 0) throw new ApiError("invalid", "a publish has exactly one tarball; this one has several");
  const uploaded = stagedUpload(stated);
  if (uploaded !== undefined) await staging.takeUpload(file, uploaded);
  const attachment = staging.attachment();
  if (!attachment)
    throw new ApiError(
      "invalid",
      `the attachment ${JSON.stringify(file.slice(0, 300))} has no data; it must hold the tarball in base64`,
    );
  const length = isRecord(stated) ? stated["length"] : undefined;
  if (length !== undefined && length !== attachment.size)
    throw new ApiError(
      "invalid",
      `the attachment's length says ${String(length)} bytes, but it has ${attachment.size}; publish it again`,
    );
  return attachment;
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
  return submitChange(c, ports, settings, draft, () => ({
    status: draft.type === "star" ? 200 : 201,
    body: { ok: "package changed", success: true },
  }));
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
