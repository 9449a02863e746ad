import { ApiError } from "./errors.ts";

/**
 * Why a path cannot be one of ours: broken escapes, control characters, backslashes or dot segments.
 *
 * @example pathProblem("/-/package/..%2fetc/dist-tags")?.code // "invalid"
 *
 * A host checks the path as it was sent: as part of a URL its dot segments would be resolved, and what names one package
 * would reach another.
 */
export function pathProblem(path: string): ApiError | undefined {
  if (!SUSPECT.test(path)) return undefined;
  const decoded = decode(path);
  if (decoded === undefined) return new ApiError("invalid", "the path has a broken percent escape");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(decoded) || decoded.split("/").some((part) => part === "." || part === ".."))
    return new ApiError(
      "invalid",
      "the path has control characters, backslashes or dot segments; package names have none of them",
    );
  return undefined;
}

/**
 * One spelling for every path that has no problem: `/@acme%2fwire`, `/@acme%2Fwire` and `/@acme/wire` become `/@acme%2fwire`.
 *
 * npm escapes the slash of a scope in metadata requests and not in tarball URLs, and API Gateway hands paths over decoded,
 * so all must route alike: a package at the root, and behind `/package/` in a path of ours. The double scope in `/@acme/wire/-/@acme/wire-1.0.0.tgz` (a tarball's name as some clients
 * build it) is folded too.
 */
export function canonicalPath(path: string): string {
  if (!SUSPECT.test(path)) return path;
  return path
    .replace(/%40/gi, "@")
    .replace(/^((?:\/-\/(?:[^@%]*\/)?package)?\/@[^/%]+)(?:\/|%2f)(?=[^/])/i, "$1%2f")
    .replace(/(\/-\/)@[^/%]+(?:\/|%2f)(?=[^/]+\.tgz)/i, "$1");
}

/** The path of a request as it was sent, without its query. */
export function rawPath(request: Request): string {
  const start = request.url.indexOf("/", request.url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = request.url.slice(start).search(/[?#]/);
  return end < 0 ? request.url.slice(start) : request.url.slice(start, start + end);
}

/** Only paths with a scope, an escape or a dot segment need a second look. */
const SUSPECT = /[@%\\]|\/\.\.?(?:\/|$)/;

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    // A URIError: the only failure of decodeURIComponent.
    return undefined;
  }
}
