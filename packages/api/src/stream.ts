/** Bytes as a web stream that is read at the pace of whoever reads it. */
export function toStream(body: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(body as AsyncIterable<Uint8Array<ArrayBuffer>>);
}
