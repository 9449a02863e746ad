import {
  ApiError,
  findPackage,
  packageName,
  packumentToPublish,
  readJson,
  routeGroup,
  type ApiSettings,
  type AppEnv,
  type RouteGroup,
  type WritePorts,
} from "@codebox/api";
import type { SignUpload } from "@codebox/aws";
import { nameProblem, own, stagingKey, type Catalog, type Clock } from "@codebox/core";
import type { MiddlewareHandler } from "hono";
import * as z from "zod";

/**
 * Largest body that these functions take, in bytes. Lambda's own limit is 6 MiB for the whole event, in which the body's quotes
 * are escaped; above that API Gateway answers 413 in its own words before a function runs. Source: Lambda quotas.
 */
export const LAMBDA_BODY_BYTES_MAX = 5 * 1024 * 1024;

/** How long an upload may begin after its URL was made, in seconds. */
const UPLOAD_SECONDS = 15 * 60;

const UPLOAD_REQUEST_BYTES_MAX = 16 * 1024;

/** The largest tarball that a plain publish carries, in bytes: base64 takes four for three, and the document needs some bytes too. */
export const PLAIN_TARBALL_BYTES_MAX = Math.floor(3.7 * 1024 * 1024);

/**
 * The largest tarball on AWS, in bytes. Inspecting it is one pass of one processor, and must end within the 25 s of the function:
 * 250 MB took them with 1,024 MB of memory, which is 0.58 of a processor; `write` has a full one.
 */
export const UPLOAD_BYTES_MAX = 256 * 1024 * 1024;

const WAY_OUT =
  'publish a tarball over some 3.7 MiB with "codebox publish", and several packages with "codebox release": they upload tarballs straight to the store (docs/deploy.md, "Large packages")';

/** What npm is doing when it sends a whole packument back. Source: npm lib/commands/{deprecate,unpublish,owner,star}.js. */
const AMENDING = new Set(["deprecate", "undeprecate", "unpublish", "owner", "star", "unstar"]);

/** A filter that refuses a body that is too large for Lambda, and says what to do instead. */
export const bodyLimit: MiddlewareHandler<AppEnv> = async (c, next) => {
  const carriesTarball = c.req.method === "PUT" || c.req.method === "POST";
  const bytes = carriesTarball ? Number(c.req.header("content-length") ?? 0) : 0;
  if (bytes > LAMBDA_BODY_BYTES_MAX) {
    const limit = `the body has ${bytes} bytes; through AWS Lambda at most ${LAMBDA_BODY_BYTES_MAX} (5 MiB) can be sent`;
    throw new ApiError(
      "too_large",
      AMENDING.has(c.req.header("npm-command") ?? "")
        ? `${limit}. This package's document is larger: send the change itself to the intake topic (PROTOCOL.md, "Change messages of other services"), as a service that CODEBOX_SERVICES allows it`
        : `${limit}: ${WAY_OUT}`,
    );
  }
  await next();
};

/**
 * A filter of `GET /:name` that announces the limit to npm before it publishes: a body over Lambda's own limit never reaches a
 * function, and API Gateway refuses it in its own words, which name no way out.
 *
 * npm reads the packument first, and prints `npm-notice`. It is sent before a first publish, and for a package that unpacks to
 * more than a plain publish carries. Source: npm-registry-fetch lib/check-response.js.
 */
export function publishNotice(catalog: Catalog): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    if (c.req.header("npm-command") !== "publish" || c.req.param("version") !== undefined) return;
    const found = await findPackage(c, { catalog }, packageName(c), { toWrite: true });
    const packument = found.kind === "ours" ? found.read.packument : undefined;
    const latest = own(packument?.versions, own(packument?.["dist-tags"], "latest") ?? "");
    const bytes = latest?.dist?.["unpackedSize"];
    if (latest === undefined || (typeof bytes === "number" && bytes > PLAIN_TARBALL_BYTES_MAX))
      c.header("npm-notice", WAY_OUT);
  };
}

/**
 * `POST /-/package/:name/uploads`: where to put a tarball that is too large for a publish's body.
 *
 * @example POST {"size":104857600} → 201 {"ok":true,"upload":"01J…","method":"PUT","url":"https://…","headers":{…},"expires":"2026-…"}
 *
 * The client sends the bytes there, with exactly these headers, and then publishes with `{"staged":"<upload>"}` in the place
 * of the attachment's data: `"_attachments":{"wire-1.0.0.tgz":{"staged":"01J…","length":104857600}}`.
 * Errors: 401, 403; 400 for a name that no package can have; 413 over the registry's limit.
 */
export function uploadRoutes(
  ports: UploadPorts,
  { tarballBytesMax }: Pick<ApiSettings, "tarballBytesMax">,
): RouteGroup {
  const { ids, clock, signUpload } = ports;
  return routeGroup("stage", (on) => {
    on.post("/-/package/:name/uploads", async (c) => {
      const name = packageName(c);
      const packument = await packumentToPublish(c, ports, name, "stage");
      const problem = packument === undefined ? nameProblem(name) : undefined;
      if (problem !== undefined) throw new ApiError("invalid", problem);
      const parsed = Upload.safeParse(await readJson(c, UPLOAD_REQUEST_BYTES_MAX));
      if (!parsed.success)
        throw new ApiError("invalid", `the body must be {"size": <bytes>}: ${parsed.error.issues[0]?.message ?? ""}`);
      const { size } = parsed.data;
      if (size > tarballBytesMax)
        throw new ApiError("too_large", `the tarball has ${size} bytes; at most ${tarballBytesMax} are taken`);
      const upload = ids.next();
      const signed = await signUpload(stagingKey(upload), size, UPLOAD_SECONDS);
      const expires = new Date(clock.now().getTime() + UPLOAD_SECONDS * 1_000).toISOString();
      return c.json({ ok: true, upload, ...signed, expires }, 201);
    });
  });
}

/** What handing out a place for an upload needs. */
export type UploadPorts = Pick<WritePorts, "reader" | "policy" | "ids"> & {
  readonly clock: Clock;
  readonly signUpload: SignUpload;
};

const Upload = z.strictObject({
  /** Bytes. S3 takes exactly so many. */
  size: z.int("size must be the tarball's size in bytes").positive("size must be the tarball's size in bytes"),
});
