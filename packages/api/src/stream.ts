/** Bytes as a web stream, read at the pace of its reader. */
export function toStream(body: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(body as AsyncIterable<Uint8Array<ArrayBuffer>>);
}
