import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { isRecord, type Clock } from "@codebox/core";
import npa from "npm-package-arg";
import npmFetch from "npm-registry-fetch";
import * as z from "zod";
import { CommandError } from "../errors.ts";
import { applied, type Options, refusal } from "../registry.ts";
import type { Packed } from "./pack.ts";

const Upload = z.object({
  upload: z.string(),
  url: z.url(),
  method: z.literal("PUT"),
  headers: z.record(z.string(), z.string()),
});
type Upload = z.infer<typeof Upload>;

/** Tries of the upload, the first included: a new one begins at the first byte. */
const UPLOAD_ATTEMPTS = 3;

/** Asks the registry where the tarball goes; `undefined`: it takes no uploads. @throws CommandError when it refuses this one. */
export async function askForUpload({ manifest, size }: Packed, options: Options): Promise<Upload | undefined> {
  const spec = npa.resolve(manifest.name, manifest.version);
  const path = `/-/package/${spec.escapedName}/uploads`;
  const answer = await npmFetch(path, { ...options, spec, method: "POST", body: { size } }).catch((error: unknown) => {
    const status = isRecord(error) ? error["statusCode"] : undefined;
    if (status !== 404 && status !== 405) throw refusal(error);
    return undefined;
  });
  if (!answer) return undefined;
  const parsed = Upload.safeParse(await answer.json());
  if (parsed.success) return parsed.data;
  throw new CommandError(`the registry's answer to ${path} is none of codebox's; is the registry's URL right?`);
}

/**
 * Streams the tarball to the signed URL, with exactly the headers of the answer.
 *
 * @param onBytes called with how much is sent; from 0 again when the upload is retried.
 */
export async function upload(
  { url, method, headers }: Upload,
  { file, size }: Packed,
  {
    clock,
    signal,
    onBytes,
  }: { readonly clock: Clock; readonly signal: AbortSignal; readonly onBytes: (sent: number) => void },
): Promise<void> {
  let trouble = "";
  for (let attempt = 1; attempt <= UPLOAD_ATTEMPTS; attempt++) {
    if (attempt > 1) await clock.sleep(2 ** attempt * 250, signal);
    signal.throwIfAborted();
    try {
      const body = ReadableStream.from(counted(file, onBytes));
      const answer = await fetch(url, { method, headers, body, duplex: "half", signal });
      const text = (await answer.text()).slice(0, 300);
      if (answer.ok) return;
      trouble = `${answer.status} ${text}`;
      if (answer.status < 500 && answer.status !== 429) break;
    } catch (error) {
      if (signal.aborted || !(error instanceof Error)) throw error;
      trouble = error.cause instanceof Error ? error.cause.message : error.message;
    }
  }
  throw new CommandError(
    `the tarball (${size} bytes) could not be uploaded to ${new URL(url).host}: ${trouble}. Nothing is published; run the command again`,
  );
}

async function* counted(file: string, onBytes: (sent: number) => void): AsyncGenerator<Uint8Array> {
  let sent = 0;
  onBytes(sent);
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    yield chunk;
    onBytes((sent += chunk.byteLength));
  }
}

/** Publishes what was uploaded, and waits until the registry has applied it. @throws CommandError when it is refused. */
export async function publishUploaded(
  packed: Packed,
  { upload }: Upload,
  settings: {
    readonly options: Options;
    readonly tag: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    /** The same over all tries of this publish: the registry recognises a repeated one. */
    readonly session: string;
  },
): Promise<void> {
  const { tag, clock, signal, session } = settings;
  const { name, version } = packed.manifest;
  const spec = npa.resolve(name, version);
  const options = { ...settings.options, spec, npmSession: session, signal };
  const body = documentOf(packed, { staged: upload }, tag, npmFetch.pickRegistry(spec, options));
  const answer = await npmFetch(spec.escapedName, { ...options, method: "PUT", body }).catch((error: unknown) => {
    throw refusal(error);
  });
  await applied(answer, `${name}@${version}`, { options, clock, signal });
}

/**
 * The body of an ordinary publish. Source: libnpmpublish lib/publish.js, `buildMetadata`.
 *
 * @param attachment what names the upload, or nothing: `withData` adds the tarball itself
 */
export function documentOf(
  { manifest, size, integrity, shasum }: Packed,
  attachment: { readonly staged?: string },
  tag: string,
  registry: string,
) {
  const { name, version } = manifest;
  const file = `${name}-${version}.tgz`;
  const stated = isRecord(manifest["dist"]) ? manifest["dist"] : {};
  const dist = { ...stated, integrity, shasum, tarball: new URL(`${name}/-/${file}`, registry).href };
  return {
    _id: name,
    name,
    description: manifest["description"],
    "dist-tags": { [tag]: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    _attachments: { [file]: { content_type: "application/octet-stream", ...attachment, length: size } },
  };
}

/** The document with the tarball in it, as npm sends it. */
export async function withData({ file }: Packed, document: ReturnType<typeof documentOf>): Promise<object> {
  const data = (await readFile(file)).toString("base64");
  const entries = Object.entries(document._attachments).map(([name, one]) => [name, { ...one, data }]);
  return { ...document, _attachments: Object.fromEntries(entries) as object };
}
