import { DEPRECATION_MAX, isRecord } from "@codebox/core";
import { ApiError } from "../errors.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a browser or a client may open. A repository may also be git's, or a host's short name. */
const SCHEMES = new Set("http https mailto git git+http git+https git+ssh ssh github gitlab bitbucket gist".split(" "));

/**
 * The manifest without what would harm a reader: control characters (a terminal obeys them), and links that run something
 * (`javascript:`) in homepage, bugs and repository.
 *
 * @example harmless({ description: "\u001b[2Jwire", homepage: "javascript:x" }) // { description: "[2Jwire" }
 * @throws ApiError `invalid` for a deprecation that is no message
 */
export function harmless(manifest: Fields): Fields {
  const { deprecated, description, homepage, bugs, repository, ...rest } = manifest;
  const links = {
    homepage: link(homepage),
    bugs: link(bugs),
    repository: link(repository),
    deprecated: message(deprecated),
    description: typeof description === "string" && description !== "" ? description : undefined,
  };
  const kept = Object.entries({ ...rest, ...links }).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(
    kept.map(([field, value]) => [printable(field), field === "scripts" ? value : printable(value)]),
  );
}

/** The value without control characters in its texts and keys; line breaks and tabs stay. */
export function printable<T>(value: T): T {
  if (typeof value === "string") return (CONTROL.test(value) ? value.replaceAll(CONTROLS, "") : value) as T;
  if (Array.isArray(value)) return value.map(printable) as T;
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [printable(key), printable(item)])) as T;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const CONTROLS = new RegExp(CONTROL, "g");

function link(value: unknown): unknown {
  if (typeof value === "string") return isSafe(value) ? value : undefined;
  if (!isRecord(value) || typeof value["url"] !== "string" || isSafe(value["url"])) return value;
  const { url: _, ...rest } = value;
  return rest;
}

/** A browser leaves white space and control characters out of a scheme. */
function isSafe(url: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url.replace(/[\s\p{Cc}]/gu, ""))?.[1];
  return scheme === undefined || SCHEMES.has(scheme.toLowerCase());
}

function message(deprecated: unknown): string | undefined {
  if (deprecated === undefined || deprecated === null || deprecated === false || deprecated === "") return undefined;
  if (typeof deprecated === "string" && deprecated.length <= DEPRECATION_MAX) return deprecated;
  throw new ApiError("invalid", `deprecated must be a message of at most ${DEPRECATION_MAX} characters`);
}
