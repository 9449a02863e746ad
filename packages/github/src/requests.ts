import { IdentityUnavailable } from "@codebox/core";

/** Milliseconds until GitHub must have answered. A client waits for it. */
const TIMEOUT_MS = 5_000;
/** Bytes of an answer. A page of 100 teams has some 200 KB. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024;

/** An answer of GitHub that is no failure of its own. `body`: parsed JSON; `undefined` without one. */
export type Answer = { readonly status: number; readonly body: unknown };
export type Send = (url: string, init?: RequestInit) => Promise<Answer>;

/**
 * Sends a request to GitHub.
 *
 * @throws IdentityUnavailable no answer, 5xx, a redirect, too many requests, or an answer that is not JSON or too large.
 */
export const send: Send = async (url, init = {}) => {
  try {
    const response = await fetch(url, {
      ...init,
      // A redirect would carry the token to another host.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: "application/json", "user-agent": "codebox", ...(init.headers as Record<string, string>) },
    });
    const text = await bounded(response);
    if (response.status >= 300 && !isClientError(response)) throw new Error(`status ${response.status}`);
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  } catch (cause) {
    throw new IdentityUnavailable("GitHub does not answer, so it cannot say who you are; try again in a moment", {
      cause,
    });
  }
};

/** An answer about this request. A limit that is used up is not one. Source: GitHub's documentation, "Rate limits for the REST API". */
function isClientError({ status, headers }: Response): boolean {
  const isLimit = status === 429 || headers.get("x-ratelimit-remaining") === "0" || headers.has("retry-after");
  return status >= 400 && status < 500 && !isLimit;
}

async function bounded({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.byteLength;
    if (size > ANSWER_BYTES_MAX) throw new Error("the answer is too large");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
