/** The body of an answer: the bytes where they are in memory, else a stream, which is read at the pace of the client. */
export function bodyOf({
  bytes,
  body,
}: {
  readonly bytes?: Uint8Array;
  readonly body: AsyncIterable<Uint8Array>;
}): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> {
  return bytes ? (bytes as Uint8Array<ArrayBuffer>) : toStream(body);
}

/** Bytes as a web stream, read at the pace of its reader. */
function toStream(body: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(body as AsyncIterable<Uint8Array<ArrayBuffer>>);
}
