import {
  BODY_BYTES_MAX,
  isReadableName,
  isRecord,
  nameProblem,
  RELEASE_PACKAGES_MAX,
  type Packument,
  type ReleaseDraft,
} from "@codebox/core";
import * as z from "zod";
import { bodyBytes } from "../body.ts";
import type { ApiSettings, AppContext, WritePorts } from "../context.ts";
import { ApiError } from "../errors.ts";
import { parseStream } from "../json.ts";
import { packumentToPublish } from "../lookup.ts";
import { decodeBase64 } from "./base64.ts";
import { checkFirstPublish } from "./first-publish.ts";
import { checkProvenance, isProvenance, withoutProvenance } from "./provenance.ts";
import { draftPublish, readPublish } from "./publish.ts";
import { takeAttachment } from "./request.ts";
import type { Staging, StagingArea } from "./staging.ts";

/** A package whose tags are set. */
const TagEntry = z.strictObject({
  name: z.string(),
  "dist-tags": z.record(z.string(), z.string()),
  ifMatch: z.string().optional(),
});

/** What a release's body asks for. */
export type ReleaseRequest = { readonly drafts: readonly ReleaseDraft[]; readonly dryRun: boolean };

type Parts = { readonly ports: WritePorts; readonly settings: ApiSettings; readonly area: StagingArea };
type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the body of a release: `{"packages":[…]}`. A package with `_attachments` is a publish's document, as `PUT /:name` takes
 * it; any other is a set of tags. A tarball in it is staged while it streams in, once the caller's right is checked.
 *
 * @throws ApiError `forbidden`, and what is wrong with the body
 */
export async function receiveRelease(c: AppContext, parts: Parts): Promise<ReleaseRequest> {
  const packages = createPackages(c, parts);
  const { settings } = parts;
  const body = await parseStream(bodyBytes(c, Math.ceil((settings.tarballBytesMax * 4) / 3) + BODY_BYTES_MAX), {
    maxBytes: BODY_BYTES_MAX,
    hold: c.get("allowance").hold,
    documentsIn: "packages",
    async onData(file, data, before) {
      if (isProvenance(file)) return checkProvenance(file, data);
      const name = nameIn(before);
      await packages.checkRight(name);
      c.get("allowance").allowUpload();
      await packages.staging(name).stream(file, decodeBase64(data));
    },
  });
  if (!isRecord(body) || !Array.isArray(body["packages"]))
    throw new ApiError(
      "invalid",
      'the body must be {"packages": [ … ]}: documents of publishes, or names with "dist-tags"',
    );
  const dryRun = body["dryRun"] === true;
  const drafts: ReleaseDraft[] = [];
  if (body["packages"].length > RELEASE_PACKAGES_MAX) throw tooMany();
  for (const entry of body["packages"] as unknown[]) drafts.push(await draftOf(entry, packages));
  return { drafts, dryRun };
}

/** The packages of a body, as far as they have come in. */
function createPackages(c: AppContext, { ports, area }: Parts) {
  const checked = new Map<string, Promise<Packument | undefined>>();
  const stagings = new Map<string, Staging>();
  const check = async (name: string) => {
    const packument = await packumentToPublish(c, ports, name);
    if (!packument) await checkFirstPublish(c, ports, name);
    return packument;
  };
  return {
    /** Refuses a caller who may not publish the package. Asked once for each, before its tarball is stored. */
    async checkRight(name: string): Promise<void> {
      if (!checked.has(name) && checked.size >= RELEASE_PACKAGES_MAX) throw tooMany();
      const known = checked.get(name) ?? check(name);
      checked.set(name, known);
      await known;
    },
    staging(name: string): Staging {
      const staging = stagings.get(name) ?? area.open();
      stagings.set(name, staging);
      return staging;
    },
  };
}

async function draftOf(entry: unknown, packages: ReturnType<typeof createPackages>): Promise<ReleaseDraft> {
  if (!isRecord(entry)) throw new ApiError("invalid", "each of the packages must be an object");
  const name = nameIn(entry);
  if (!isRecord(entry["_attachments"])) return tagsOf(name, entry);
  const document = readPublish(name, entry);
  await packages.checkRight(name);
  const tarballs = withoutProvenance(name, document.version, entry["_attachments"]);
  return draftPublish(name, document, await takeAttachment(packages.staging(name), tarballs));
}

function tagsOf(name: string, entry: Fields): ReleaseDraft {
  const parsed = TagEntry.safeParse(entry);
  if (!parsed.success)
    throw new ApiError(
      "invalid",
      `${name} publishes nothing (no _attachments), so it must be {"name": …, "dist-tags": {"latest": "1.0.0"}}, with "ifMatch" if you like`,
    );
  const { "dist-tags": tags, ifMatch } = parsed.data;
  return { type: "tags.merge", name, tags, ...(ifMatch === undefined ? {} : { ifMatch }) };
}

function nameIn({ name, ecosystem }: Fields): string {
  if (ecosystem !== undefined && ecosystem !== "npm")
    throw new ApiError("invalid", "this registry has npm packages only; release the others elsewhere");
  if (typeof name !== "string")
    throw new ApiError("invalid", 'each of the packages needs its "name", in front of its attachments');
  if (!isReadableName(name))
    throw new ApiError(
      "invalid",
      `"${name.slice(0, 80)}" is not a package name: ${nameProblem(name) ?? "it is reserved"}`,
    );
  return name;
}

function tooMany(): ApiError {
  return new ApiError("too_large", `a release has at most ${RELEASE_PACKAGES_MAX} packages`);
}
