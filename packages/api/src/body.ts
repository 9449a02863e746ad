import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Readable, type Transform } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import parseJson from "secure-json-parse";
import { ApiError } from "./errors.ts";

/**
 * A request's body as bytes, decompressed where `content-encoding` says so, and refused once it is over `maxBytes` (decoded).
 *
 * @throws ApiError `too_large`, or `invalid` for an encoding that is unknown or broken, or a body that ended early.
 */
export async function* bodyBytes(request: Request, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (!request.body) return;
  const declared = Number(request.headers.get("content-length") ?? 0);
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" && declared > maxBytes) throw tooLarge(maxBytes);
  let size = 0;
  try {
    for await (const chunk of decoded(Readable.fromWeb(request.body as NodeReadableStream<Uint8Array>), encoding)) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(
      "invalid",
      `the body ended early or is not valid ${encoding}; nothing was changed: send it again`,
    );
  }
}

function decoded(source: Readable, encoding: string): AsyncIterable<Uint8Array> {
  const decoder = decoderOf(encoding);
  if (!decoder) return source;
  source.on("error", (error) => decoder.destroy(error));
  return source.pipe(decoder);
}

function decoderOf(encoding: string): Transform | undefined {
  switch (encoding) {
    case "identity":
      return undefined;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      throw new ApiError(
        "invalid",
        `the content-encoding "${encoding}" is not supported; use gzip, br, deflate or none`,
      );
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    "too_large",
    `the body is over the limit of ${maxBytes} bytes (${Math.round(maxBytes / 1024 / 1024)} MiB)`,
  );
}

const PLAIN_BYTES = 64 * 1024;

async function wholeBody(request: Request): Promise<ArrayBuffer> {
  try {
    return await request.arrayBuffer();
  } catch {
    throw new ApiError("invalid", "the body ended early; nothing was changed: send it again");
  }
}

/** Reads a JSON body. See `parseDocument` for what is refused. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const length = Number(request.headers.get("content-length") ?? Number.NaN);
  // Nearly every body is small and plain: read whole, without a stream. Its length is what the HTTP parser lets through.
  if (length <= Math.min(maxBytes, PLAIN_BYTES) && !request.headers.has("content-encoding"))
    return parseDocument(new Uint8Array(await wholeBody(request)));
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyBytes(request, maxBytes)) chunks.push(chunk);
  return parseDocument(Buffer.concat(chunks));
}

/**
 * Parses JSON that somebody sent.
 *
 * @throws ApiError `invalid`: not JSON, not UTF-8, `__proto__` among the keys, or a key twice in one object (two readers would
 * see two different bodies).
 */
export function parseDocument(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) throw new ApiError("invalid", "the body is empty; JSON was expected");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ApiError("invalid", "the body is not UTF-8");
  }
  let value: unknown;
  try {
    value = parseJson(text, null, { protoAction: "error", constructorAction: "error" });
  } catch (error) {
    const detail = error instanceof Error ? error.message.slice(0, 200) : "malformed";
    throw new ApiError("invalid", `the body is not acceptable JSON: ${detail}`);
  }
  const twice = duplicateKey(text);
  if (twice !== undefined)
    throw new ApiError("invalid", `the body has the key ${twice.slice(0, 100)} twice in one object; send each once`);
  return value;
}

/** The first key that stands twice in one object of a text that is known to be JSON. */
function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  // In valid JSON a string is a key exactly when a colon follows it.
  for (const [, string, colon, bracket] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|([{}[\]])/gs)) {
    if (bracket === "{") open.push(new Set());
    else if (bracket === "[") open.push(undefined);
    else if (bracket !== undefined) open.pop();
    else if (colon !== undefined && string !== undefined) {
      const keys = open.at(-1);
      const key = string.includes("\\") ? (JSON.parse(string) as string) : string.slice(1, -1);
      if (keys?.has(key)) return string;
      keys?.add(key);
    }
  }
  return undefined;
}
