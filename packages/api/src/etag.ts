/**
 * The ETag among those of `If-None-Match` that names the same document as `etag`; `undefined`: the client holds another.
 *
 * Weak comparison, lists and `*`, per RFC 9110, 13.1.2. ETags that differ by their encoding alone name the same document.
 * @example heldEtag('"a", W/"b-gzip"', '"b"') // '"b-gzip"'
 */
export function heldEtag(header: string | undefined, etag: string): string | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return etag;
  const wanted = withoutEncoding(etag);
  return header
    .split(",")
    .map((candidate) => candidate.trim().replace(/^W\//, ""))
    .find((candidate) => withoutEncoding(candidate) === wanted);
}

/** Whether `If-None-Match` names this ETag. See `heldEtag`. */
export function etagMatches(header: string | undefined, etag: string): boolean {
  return heldEtag(header, etag) !== undefined;
}

function withoutEncoding(etag: string): string {
  return etag.replace(/-(?:gzip|br)"$/, '"');
}
