/** A token of ours or of GitHub, or what begins like one. */
const TOKEN = /(cbx_|gh[pousr]_|github_pat_)[A-Za-z0-9_-]+/g;
/** The routes that have a token, or the secret of a login, in their path, in any spelling of their slashes. */
const AFTER_TOKEN = /(\/+(?:token|v1\/+done)\/+).+/;

/**
 * A path or a message as it may be logged: without tokens, and without characters that a terminal obeys.
 *
 * @example loggable("/-/user/token/cbx_abc") // "/-/user/token/…"
 */
export function loggable(text: string): string {
  return escaped(decoded(text).replace(AFTER_TOKEN, "$1…").replace(TOKEN, "$1…"));
}

/**
 * A text without characters that a terminal obeys: messages repeat what somebody sent, and clients print them.
 *
 * @example escaped("\u001b[2J") // "\\u001b[2J"
 */
export function escaped(text: string): string {
  return text.replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// oxlint-disable-next-line no-control-regex -- C0, DEL, C1, and what turns the direction of a text, are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Decoded as far as it is one text: an escape must not hide a token. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
