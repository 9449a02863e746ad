import { ApiError, packageName, readJson, requireWriter, type Routes } from "@codebox/api";
import type { SignUpload } from "@codebox/aws";
import { nameProblem, stagingKey } from "@codebox/core";
import * as z from "zod";

/**
 * Largest body that these functions take, in bytes. Lambda's own limit is 6 MiB for the whole event, in which the body's quotes
 * are escaped; above that API Gateway answers 413 in its own words before a function runs. Source: Lambda quotas.
 */
export const BODY_BYTES_MAX = 5 * 1024 * 1024;

/** For so long an upload may begin, in seconds. */
const UPLOAD_SECONDS = 15 * 60;

const UPLOAD_REQUEST_BYTES_MAX = 16 * 1024;

/** Refuses a body that is too large for Lambda, and says how to publish it. */
export const bodyLimit: Routes = (app) => {
  app.put("*", async (c, next) => {
    const bytes = Number(c.req.header("content-length") ?? 0);
    if (bytes > BODY_BYTES_MAX)
      throw new ApiError(
        "too_large",
        `the body has ${bytes} bytes; through AWS Lambda at most ${BODY_BYTES_MAX} (5 MiB) can be sent, which is a tarball of some 3.7 MiB. ` +
          'Publish this package with "codebox publish", which uploads its tarball straight to the store',
      );
    await next();
  });
};

/**
 * `POST /-/package/:name/uploads`: where to put a tarball that is too large for a publish's body.
 *
 * @example POST {"size":104857600} → 201 {"ok":true,"upload":"01J…","method":"PUT","url":"https://…","headers":{…},"expires":"2026-…"}
 *
 * The client sends the bytes there, with exactly these headers, and then publishes with `{"staged":"<upload>"}` in the place
 * of the attachment's data: `"_attachments":{"wire-1.0.0.tgz":{"staged":"01J…","length":104857600}}`.
 * Errors: 401, 403; 400 for a name that no package can have; 413 over the registry's limit.
 */
export function uploadRoutes(signUpload: SignUpload): Routes {
  return (app, ports, { tarballBytesMax }) => {
    const Upload = z.strictObject({
      /** Bytes. S3 takes exactly so many. */
      size: z.int("size must be the tarball's size in bytes").positive("size must be the tarball's size in bytes"),
    });
    app.post("/-/package/:name/uploads", async (c) => {
      requireWriter(c);
      const name = packageName(c);
      const problem = (await ports.reader.read(name)) === undefined ? nameProblem(name) : undefined;
      if (problem !== undefined) throw new ApiError("invalid", problem);
      const parsed = Upload.safeParse(await readJson(c.req.raw, UPLOAD_REQUEST_BYTES_MAX));
      if (!parsed.success)
        throw new ApiError("invalid", `the body must be {"size": <bytes>}: ${parsed.error.issues[0]?.message ?? ""}`);
      const { size } = parsed.data;
      if (size > tarballBytesMax)
        throw new ApiError("too_large", `the tarball has ${size} bytes; at most ${tarballBytesMax} are taken`);
      const upload = ports.ids.next();
      const signed = await signUpload(stagingKey(upload), size, UPLOAD_SECONDS);
      const expires = new Date(ports.clock.now().getTime() + UPLOAD_SECONDS * 1_000).toISOString();
      return c.json({ ok: true, upload, ...signed, expires }, 201);
    });
  };
}
