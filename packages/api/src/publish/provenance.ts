import { isRecord, PROVENANCE_BYTES_MAX, tarballFile } from "@codebox/core";
import { parseStream } from "../json.ts";
import { ApiError } from "../errors.ts";

/** The notice for the publisher. A bundle that is kept and served unverified would claim more than anybody has checked. */
export const PROVENANCE_NOTICE =
  "the provenance bundle was not kept: this registry verifies and serves no attestations";

/** Whether an attachment is the sigstore bundle of `npm publish --provenance`. Source: libnpmpublish lib/publish.js. */
export function isProvenance(file: string): boolean {
  return file.endsWith(".sigstore");
}

/** Reads a bundle, the text of a JSON object, to its end. @throws ApiError `invalid`, `too_large`. */
export async function checkProvenance(file: string, data: AsyncIterable<string>): Promise<void> {
  const bundle = await parseStream(bytesOf(data), { maxBytes: PROVENANCE_BYTES_MAX });
  const type = isRecord(bundle) ? bundle["mediaType"] : undefined;
  if (typeof type !== "string" || !type.startsWith("application/vnd.dev.sigstore.bundle"))
    throw new ApiError("invalid", `the attachment ${JSON.stringify(file.slice(0, 300))} is not a sigstore bundle`);
}

async function* bytesOf(text: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of text) {
    const bytes = Buffer.from(piece);
    size += bytes.length;
    if (size > PROVENANCE_BYTES_MAX)
      throw new ApiError("too_large", `the provenance bundle is over the limit of ${PROVENANCE_BYTES_MAX} bytes`);
    yield bytes;
  }
}

/** The attachments without the bundle. @throws ApiError `invalid` for a bundle of something else, or a second one. */
export function withoutProvenance(
  name: string,
  version: string,
  attachments: Readonly<Record<string, unknown>>,
): readonly (readonly [string, unknown])[] {
  const files = Object.entries(attachments);
  const bundles = files.filter(([file]) => isProvenance(file));
  const expected = [`${name}-${version}.tgz`, tarballFile(name, version)].map((file) =>
    file.replace(/\.tgz$/, ".sigstore"),
  );
  const stranger = bundles.find(([file]) => !expected.includes(file));
  if (stranger || bundles.length > 1)
    throw new ApiError("invalid", `a publish has at most one provenance bundle, called "${expected[0]}"`);
  return files.filter(([file]) => !isProvenance(file));
}
