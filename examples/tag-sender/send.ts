export type TagMove = {
  readonly registry: string;
  readonly token: string;
  readonly name: string;
  readonly tag: string;
  readonly version: string;
  /** The same for every try of this move: `release-7`. */
  readonly key: string;
};
export type Sent = { readonly ok: true } | { readonly ok: false; readonly error: string };

const TRIES = 5;

/**
 * Moves a dist-tag, once.
 *
 * @example await moveTag({ registry, token, name: "@acme/wire", tag: "next", version: "1.1.0", key: "release-7" }, pause)
 * @param pause waits before the next try; gets its number, 1, 2, 3 …
 * @returns the registry's refusal, where it refuses. Throws when no try was answered.
 */
export async function moveTag(move: TagMove, pause: (attempt: number) => Promise<void>): Promise<Sent> {
  for (let attempt = 1; ; attempt++) {
    const response = await send(move).catch(() => undefined);
    if (response && !isTransient(response)) return settle(response, move, pause);
    if (attempt === TRIES) throw new Error(`no answer after ${TRIES} tries; the move may have been made`);
    await pause(attempt);
  }
}

function send({ registry, token, name, tag, version, key }: TagMove): Promise<Response> {
  const path = `/-/package/${encodeURIComponent(name)}/dist-tags/${encodeURIComponent(tag)}`;
  return fetch(new URL(path, registry), {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(version),
  });
}

async function settle(response: Response, move: TagMove, pause: (attempt: number) => Promise<void>): Promise<Sent> {
  const body = (await response.json()) as { readonly error?: string };
  if (response.status === 202) return follow(response.headers.get("location") ?? "", move, pause);
  return response.ok ? { ok: true } : { ok: false, error: body.error ?? `status ${response.status}` };
}

/** Asks the status URL until the change is decided. What the URL answers with 5xx, 429 or nothing says nothing of the change. */
async function follow(url: string, { token }: TagMove, pause: (attempt: number) => Promise<void>): Promise<Sent> {
  for (let attempt = 1, unanswered = 0; ; attempt++) {
    await pause(attempt);
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } }).catch(() => undefined);
    if (!response || isTransient(response)) {
      unanswered++;
      if (unanswered === TRIES) throw new Error(`no status after ${TRIES} tries; the move may have been made`);
      continue;
    }
    unanswered = 0;
    const { state, error } = (await response.json()) as { readonly state?: string; readonly error?: string };
    if (state === "applied") return { ok: true };
    if (state !== "pending") return { ok: false, error: error ?? `status ${response.status}` };
  }
}

const isTransient = ({ status }: Response): boolean => status >= 500 || status === 429;
