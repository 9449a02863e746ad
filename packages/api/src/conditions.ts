import { distTagsEtag } from "@codebox/core";
import type { AppContext, WritePorts } from "./context.ts";
import { ApiError } from "./errors.ts";
import { findPackage } from "./lookup.ts";

/** Compare-and-set: RFC 9110, 13.1.1, on the ETag of the tags. `*` asks only that the package exists. @throws ApiError `invalid` */
export function ifMatch(c: AppContext): { ifMatch?: string } {
  const header = c.req.header("if-match")?.trim();
  if (header === undefined || header === "*") return {};
  if (header.includes(","))
    throw new ApiError("invalid", "If-Match takes one ETag here: that of the tags which your change is based on");
  return { ifMatch: header };
}

/** Create only: RFC 9110, 13.1.2. Each tag that the change sets must not exist. @throws ApiError `invalid` */
export function ifNoneMatch(c: AppContext): { ifNoneMatch?: "*" } {
  const header = c.req.header("if-none-match")?.trim();
  if (header === undefined) return {};
  if (header !== "*")
    throw new ApiError("invalid", 'If-None-Match takes only "*" here: the tag is set if it does not exist yet');
  return { ifNoneMatch: "*" };
}

/** Refuses `If-None-Match` where a change makes no tags: ignored, it would look as if it had been checked. */
export function refuseIfNoneMatch(c: AppContext): void {
  if (c.req.header("if-none-match") !== undefined)
    throw new ApiError("invalid", "If-None-Match does not fit this request; compare the tags with If-Match");
}

/** A failed precondition with the tags as they are now and their ETag, so that the client can decide again at once. */
export async function withTags(
  c: AppContext,
  ports: Pick<WritePorts, "catalog">,
  name: string,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof ApiError) || error.code !== "precondition_failed") return error;
  const found = await findPackage(c, ports, name, { toWrite: true });
  if (found.kind !== "ours") return error;
  const tags = found.read.packument["dist-tags"];
  return new ApiError(error.code, error.message, { ...error.headers, etag: distTagsEtag(tags) }, { "dist-tags": tags });
}
