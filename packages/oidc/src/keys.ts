import { IssuerUnavailable, isSecureUrl } from "@codebox/core";
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";
import { LRUCache } from "lru-cache";

/** Milliseconds until an issuer must have answered. */
const TIMEOUT_MS = 5_000;
/** Bytes of a discovery document or a key set. GitHub's key set has some 8 KB. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** Issuers whose keys are kept. CircleCI has one for each organisation, so the number is bounded. */
const ISSUERS_MAX = 100;
/** Milliseconds for which a discovery document is used. Its `jwks_uri` hardly ever changes. */
const DISCOVERY_MS = 60 * 60 * 1000;
/** Milliseconds between two requests for the keys of an issuer: tokens with unknown key ids cannot cause more of them. */
const COOLDOWN_MS = 30_000;

/**
 * The public keys of issuers, from the key set that their discovery document names. They are fetched when a token needs them, and
 * kept; an unknown key id makes one request in `COOLDOWN_MS`.
 *
 * Source: OpenID Connect Discovery 1.0, sections 3 and 4.
 */
export function createKeys(): (issuer: string) => Promise<JWTVerifyGetKey> {
  const keys = new LRUCache<string, Promise<JWTVerifyGetKey>>({ max: ISSUERS_MAX, ttl: DISCOVERY_MS });
  return (issuer) => {
    const known = keys.get(issuer);
    if (known) return known;
    const found = discover(issuer);
    keys.set(issuer, found);
    // A failure must not be kept. The caller gets it.
    found.catch(() => keys.delete(issuer));
    return found;
  };
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const answer = await bounded(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const document = await json(answer, issuer);
  const uri = document["jwks_uri"];
  if (document["issuer"] !== issuer || typeof uri !== "string" || !isSecureUrl(uri))
    throw new IssuerUnavailable(`the discovery document of ${issuer} is not usable`);
  return createRemoteJWKSet(new URL(uri), {
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: bounded,
  });
}

async function json(answer: Response, issuer: string): Promise<Readonly<Record<string, unknown>>> {
  const value: unknown = answer.status === 200 ? await answer.json().catch(() => undefined) : undefined;
  if (typeof value !== "object" || value === null)
    throw new IssuerUnavailable(`${issuer} did not send its discovery document`);
  return value as Readonly<Record<string, unknown>>;
}

/** A request whose answer is read to a bound, follows no redirect and ends in time. */
async function bounded(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    const signal = init.signal ?? AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(url, { ...init, redirect: "error", signal });
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of answer.body ?? []) {
      size += piece.byteLength;
      if (size > ANSWER_BYTES_MAX) throw new Error(`its answer is over ${ANSWER_BYTES_MAX} bytes`);
      pieces.push(piece);
    }
    return new Response(Buffer.concat(pieces), { status: answer.status, headers: answer.headers });
  } catch (error) {
    throw new IssuerUnavailable(`${new URL(url).origin} does not answer`, { cause: error });
  }
}
