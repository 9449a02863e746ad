import { ApiError } from "./errors.ts";

/**
 * One spelling for every path: `/@acme%2fwire`, `/@acme%2Fwire` and `/@acme/wire` become `/@acme%2fwire`.
 *
 * npm escapes the slash of a scope in metadata requests and not in tarball URLs, and API Gateway hands paths over decoded,
 * so all must route alike. The double scope in `/@acme/wire/-/@acme/wire-1.0.0.tgz` (a tarball's name as some clients
 * build it) is folded too.
 * @throws ApiError `invalid` for what can't be a path of ours: broken escapes, control characters, dot segments.
 */
export function canonicalPath(path: string): string {
  if (!SUSPECT.test(path)) return path;
  const decoded = decode(path);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(decoded) || decoded.split("/").some((part) => part === "." || part === ".."))
    throw new ApiError(
      "invalid",
      "the path has control characters, backslashes or dot segments; package names have none of them",
    );
  return path
    .replace(/%40/gi, "@")
    .replace(/^((?:\/-\/package)?\/@[^/%]+)(?:\/|%2f)(?=[^/])/i, "$1%2f")
    .replace(/(\/-\/)@[^/%]+(?:\/|%2f)(?=[^/]+\.tgz)/i, "$1");
}

/** Why a path can't be one of ours, for who must know before it becomes a URL: that would resolve its dot segments. */
export function pathProblem(path: string): ApiError | undefined {
  try {
    canonicalPath(path);
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** Only paths with a scope, an escape or a dot segment need a second look. */
const SUSPECT = /[@%\\]|\/\.\.?(?:\/|$)/;

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new ApiError("invalid", "the path has a broken percent escape");
  }
}
