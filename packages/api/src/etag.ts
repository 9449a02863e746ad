/**
 * Whether `If-None-Match` names this ETag. Weak comparison, lists and `*`, per RFC 9110, 13.1.2.
 *
 * @example matches('"a", W/"b"', '"b"') // true
 */
export function etagMatches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === etag);
}
