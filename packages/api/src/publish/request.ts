import { BODY_BYTES_MAX, isGivenBack, isRecord, shownValue, type Packument } from "@codebox/core";
import { namedCaller } from "../auth.ts";
import { bodyBytes } from "../body.ts";
import type { ApiSettings, AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { parseStream } from "../json.ts";
import { packumentToPublish } from "../lookup.ts";
import type { Asker, Repeats } from "../repeats.ts";
import { submitChange } from "../submission.ts";
import { decodeBase64 } from "./base64.ts";
import { checkFirstPublish } from "./first-publish.ts";
import { checkProvenance, isProvenance, PROVENANCE_NOTICE, withoutProvenance } from "./provenance.ts";
import { draftPublish, readPublish, stagedUpload, type PublishDraft } from "./publish.ts";
import type { Attachment, Staging } from "./staging.ts";

/** One `PUT /:name`, and what its steps share. */
export type PublishRequest = {
  readonly c: AppContext;
  readonly ports: WritePorts;
  readonly settings: ApiSettings;
  readonly name: string;
  readonly asker: Asker;
  readonly staging: Staging;
  readonly repeats: Repeats;
  /** The packument, read once and for a caller who may publish or stage it. @throws ApiError `forbidden`, and what `checkFirstPublish` throws */
  readonly current: () => Promise<Packument | undefined>;
};

/** @example const request = openRequest(c, { ports, settings, staging, repeats }, name); await publish(request, await receive(request)); */
export function openRequest(
  c: AppContext,
  parts: Pick<PublishRequest, "ports" | "settings" | "staging" | "repeats">,
  name: string,
  action?: "publish" | "stage",
): PublishRequest {
  let current: Promise<Packument | undefined> | undefined;
  const read = async () => {
    const packument = await packumentToPublish(c, parts.ports, name, action);
    if (!packument || isGivenBack(packument)) await checkFirstPublish(c, parts.ports, name);
    return packument;
  };
  const asker = { headers: c.req.raw.headers, user: namedCaller(c).name };
  return { ...parts, c, name, asker, current: () => (current ??= read()) };
}

/**
 * Reads the body. A tarball in it is staged while it streams in, once the caller's right and the document before it were checked.
 *
 * @throws ApiError `forbidden`, `version_exists`, and what is wrong with the body
 */
export async function receive(request: PublishRequest): Promise<Readonly<Record<string, unknown>>> {
  const { c, name, asker, settings, staging, repeats } = request;
  // base64 takes four bytes for three.
  const bytes = bodyBytes(c, Math.ceil((settings.tarballBytesMax * 4) / 3) + BODY_BYTES_MAX);
  const body = await parseStream(bytes, {
    maxBytes: BODY_BYTES_MAX,
    hold: c.get("allowance").hold,
    async onData(file, data, before) {
      if (isProvenance(file)) return checkProvenance(file, data);
      const current = await request.current();
      if (before["versions"] !== undefined) {
        const complete = before["dist-tags"] !== undefined;
        await repeats.refuseExisting(current, { asker, name, document: readPublish(name, before) }, { complete });
      }
      c.get("allowance").allowUpload();
      await staging.stream(file, decodeBase64(data));
    },
  });
  if (!isRecord(body)) throw new ApiError("invalid", "the body must be a packument: a JSON object");
  return body;
}

/** Whether a body publishes: it has an attachment. */
export function isPublish(body: Readonly<Record<string, unknown>>): boolean {
  return isRecord(body["_attachments"]) && Object.keys(body["_attachments"]).length > 0;
}

/**
 * Publishes what a body says: checks the document, takes the tarball, submits the change and answers with its outcome.
 *
 * @throws ApiError `invalid`, `version_exists`, `tarball_missing`, `too_large`, and what `submitChange` throws
 */
export async function publish(request: PublishRequest, body: Readonly<Record<string, unknown>>): Promise<Response> {
  const { c, ports, settings, name, asker, staging, repeats } = request;
  const { document, current, tarballs } = await checked(request, body);
  const asked = { asker, name, document };
  const answer = () => ({
    status: 201 as const,
    body: { ok: current ? "package changed" : "created new package", success: true, id: name },
  });
  const applied = staging.attachment() ? undefined : repeats.applied(current, asked);
  if (applied !== undefined) {
    // The upload that the document names was published, and no longer exists.
    c.header("codebox-change", applied);
    return c.json(answer().body, answer().status);
  }
  const attachment = await takeAttachment(staging, tarballs);
  const draft = draftPublish(name, document, attachment);
  const { integrity } = attachment;
  const id = repeats.idOf(asked, integrity) ?? ports.ids.next();
  return repeats.watch(asked, { id, integrity, signal: c.req.raw.signal }, () =>
    staging.handOver(() => submitChange(c, ports, settings, draft, answer, id)),
  );
}

/** What a body publishes, for a caller who may: its document, and its tarball as the body has it. */
async function checked(
  { c, name, asker, repeats, ...request }: PublishRequest,
  body: Readonly<Record<string, unknown>>,
) {
  const document = readPublish(name, body);
  const current = await request.current();
  await repeats.refuseExisting(current, { asker, name, document }, { complete: true });
  const attachments = isRecord(body["_attachments"]) ? body["_attachments"] : {};
  const tarballs = withoutProvenance(name, document.version, attachments);
  if (tarballs.length < Object.keys(attachments).length) c.header("npm-notice", PROVENANCE_NOTICE);
  return { document, current, tarballs };
}

/**
 * The publish that a body asks for, without sending it.
 *
 * @throws ApiError as `publish`
 */
export async function draftOf(
  request: PublishRequest,
  body: Readonly<Record<string, unknown>>,
): Promise<{ readonly draft: PublishDraft; readonly current: Packument | undefined }> {
  const { document, current, tarballs } = await checked(request, body);
  return { draft: draftPublish(request.name, document, await takeAttachment(request.staging, tarballs)), current };
}

/** The publish's tarball: staged from the body, or copied from the upload that the document names. */
async function takeAttachment(
  staging: Staging,
  tarballs: readonly (readonly [string, unknown])[],
): Promise<Attachment> {
  const [[file, stated] = ["", undefined], ...others] = tarballs;
  if (others.length > 0) throw new ApiError("invalid", "a publish has exactly one tarball; this one has several");
  const upload = stagedUpload(stated);
  if (upload !== undefined) await staging.copyUpload(file, upload);
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
      `the attachment's length says ${shownValue(length)} bytes, but it has ${attachment.size}; publish it again`,
    );
  return attachment;
}
