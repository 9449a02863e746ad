import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Readable, type Transform } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { DECODED_FREE_BYTES, DECODED_RATIO_MAX } from "@codebox/core";
import type { AppContext } from "./context.ts";
import { ApiError } from "./errors.ts";
import { parseStream } from "./json.ts";

/**
 * A request's body as bytes, decompressed where `content-encoding` says so, and refused once it is over `maxBytes` (decoded)
 * or over `DECODED_RATIO_MAX` times what was sent, or takes longer than its allowance.
 *
 * @throws ApiError `too_large`, `too_slow`, or `invalid` for an encoding that is unknown or broken, or a body that ended early.
 */
export async function* bodyBytes(c: AppContext, maxBytes: number): AsyncGenerator<Uint8Array> {
  const request = c.req.raw;
  if (!request.body) return;
  const declared = Number(request.headers.get("content-length") ?? 0);
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" && declared > maxBytes) throw tooLarge(maxBytes);
  let sent = 0;
  let size = 0;
  const source = Readable.fromWeb(request.body as NodeReadableStream<Uint8Array>);
  const decoder = decoderOf(encoding);
  if (decoder) source.on("data", (chunk: Uint8Array) => void (sent += chunk.byteLength));
  const ended = new AbortController();
  c.get("allowance").watch(
    () => (decoder ? sent : size),
    (error) => source.destroy(error),
    ended.signal,
  );
  try {
    for await (const chunk of decoded(source, decoder).iterator({ destroyOnReturn: false })) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      if (decoder && size > Math.max(DECODED_FREE_BYTES, DECODED_RATIO_MAX * sent)) throw inflated();
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(
      "invalid",
      `the body ended early or is not valid ${encoding}; nothing was changed: send it again`,
    );
  } finally {
    ended.abort();
    discardRest(source, decoder);
  }
}

/**
 * Reads the rest of a body that was refused, and drops it: its sender can read the answer, and use the connection again. The host
 * bounds this.
 */
function discardRest(source: Readable, decoder: Transform | undefined): void {
  if (decoder) source.unpipe(decoder);
  decoder?.destroy();
  // The sender went away: the request has its answer already.
  source.on("error", () => {});
  source.resume();
}

function decoded(source: Readable, decoder: Transform | undefined): Readable {
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
        `the content-encoding "${encoding.slice(0, 80)}" is not supported; use gzip, br, deflate or none`,
      );
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    "too_large",
    `the body is over the limit of ${maxBytes} bytes (${Math.round(maxBytes / 1024 / 1024)} MiB)`,
  );
}

function inflated(): ApiError {
  return new ApiError(
    "too_large",
    `the body decompresses to more than ${DECODED_RATIO_MAX} times its size, and over ${DECODED_FREE_BYTES} bytes`,
  );
}

/**
 * Reads a JSON body while it streams in. See `parseStream` for what is refused.
 *
 * @param maxDepth Levels of objects and arrays. Default: `JSON_DEPTH_MAX`. What reads a deeper one must not do so by recursion.
 */
export function readJson(c: AppContext, maxBytes: number, maxDepth?: number): Promise<unknown> {
  return parseStream(bodyBytes(c, maxBytes), { maxBytes, maxDepth, hold: c.get("allowance").hold });
}

/** The same for a small body that may be missing: `undefined`. */
export async function readOptionalJson(c: AppContext, maxBytes: number): Promise<unknown> {
  const bytes = Buffer.concat(await Array.fromAsync(bodyBytes(c, maxBytes)));
  return bytes.byteLength === 0
    ? undefined
    : parseStream(Readable.from([bytes]), { maxBytes, hold: c.get("allowance").hold });
}
