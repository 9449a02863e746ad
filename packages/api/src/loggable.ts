import type { Principal } from "@codebox/core";
import type { RequestLog } from "./context.ts";

/** A token, or what begins like one. */
const TOKEN = /cbx_[A-Za-z0-9_-]+/g;
/** The routes that have a token in their path, in any spelling of their slashes. */
const AFTER_TOKEN = /(\/+token\/+).+/;

/**
 * A path or a message as it may be logged: without tokens, and without characters that a terminal obeys.
 *
 * @example loggable("/-/user/token/cbx_abc") // "/-/user/token/…"
 */
export function loggable(text: string): string {
  return decoded(text)
    .replace(AFTER_TOKEN, "$1…")
    .replace(TOKEN, "cbx_…")
    .replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// oxlint-disable-next-line no-control-regex -- C0, DEL and C1 are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Decoded as far as it is one text: an escape must not hide a token. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What the log says of an answered request. @param ms milliseconds until the answer began */
export function requestLog(
  {
    method,
    path,
    command,
    principal,
  }: {
    readonly method: string;
    readonly path: string;
    readonly command: string | undefined;
    readonly principal: Principal;
  },
  status: number,
  ms: number,
): RequestLog {
  return {
    method,
    path: loggable(path),
    status,
    ms,
    ...(principal.kind === "anonymous" ? {} : { user: principal.name }),
    ...(command === undefined ? {} : { command: loggable(command) }),
  };
}
