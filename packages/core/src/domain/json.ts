/**
 * The JSON in an object's bytes, which are not copied.
 *
 * @throws SyntaxError
 */
export function jsonIn(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
}
