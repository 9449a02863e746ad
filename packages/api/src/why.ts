import { WHY_MAX, type Why } from "@codebox/core";

/**
 * Why the client makes a change, from the request's headers; `undefined` when it does not say.
 *
 * @example whyOf(new Headers({ "npm-command": "dist-tag", "codebox-message": "see%20incident%2012" }))
 *
 * - `npm-command`: npm's and pnpm's command.
 * - `codebox-message`: a person's words, percent-encoded UTF-8.
 * - `codebox-run`: the CI run, as a URL. Without it the CI system that npm names in its user agent: `… ci/github-actions`.
 *
 * A text that is too long is cut: it decides nothing, so no change is refused because of it.
 */
export function whyOf(headers: Headers): Why | undefined {
  const command = shown(headers.get("npm-command"), WHY_MAX.command);
  const message = shown(decoded(headers.get("codebox-message")), WHY_MAX.message);
  const run = shown(decoded(headers.get("codebox-run")) ?? ciOf(headers.get("user-agent")), WHY_MAX.run);
  if (!command && !message && !run) return undefined;
  return { ...(command ? { command } : {}), ...(message ? { message } : {}), ...(run ? { run } : {}) };
}

function decoded(value: string | null): string | null {
  if (value === null) return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** npm's user agent ends with the CI system. Source: @npmcli/config lib/definitions/definitions.js, "user-agent". */
function ciOf(userAgent: string | null): string | null {
  return /(?:^| )ci\/([a-z0-9-]{1,50})(?: |$)/i.exec(userAgent ?? "")?.[1] ?? null;
}

/** One line without control characters: it is printed in terminals. */
function shown(value: string | null, most: number): string | undefined {
  if (value === null) return undefined;
  const line = value.replace(/\p{C}+/gu, " ").trim();
  return line === "" ? undefined : [...line].slice(0, most).join("").slice(0, most);
}
