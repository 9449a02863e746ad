import { IssuerUnavailable, sha256Hex, type Clock, type WorkloadIssuer, type WorkloadVerifier } from "@codebox/core";
import { decodeJwt, errors, jwtVerify, type JWTPayload } from "jose";
import { findIssuer } from "./issuers.ts";
import { createKeys } from "./keys.ts";

/** Characters of an ID token. Real ones have 2,000 or so. */
const ID_TOKEN_MAX = 12_000;
/** Seconds by which clocks may differ. */
const CLOCK_TOLERANCE = 30;
/** An ID token is older than this only when it was kept: GitHub's live 10 minutes, GitLab's an hour, as long as the job. */
const MAX_AGE = "6 hours";
/** Asymmetric ones only: with a symmetric one, an issuer's public key could be used as the secret. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/**
 * The `WorkloadVerifier` port: checks signature, issuer, audience and times of an ID token with the issuer's published keys.
 *
 * @example createWorkloadVerifier({ clock, issuers: [] }) // GitHub Actions, gitlab.com and CircleCI
 * @param parts.issuers more issuers, or others in place of GitHub's and GitLab's public ones.
 * Sources: OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725.
 */
export function createWorkloadVerifier({
  clock,
  issuers,
}: {
  readonly clock: Pick<Clock, "now">;
  readonly issuers: readonly WorkloadIssuer[];
}): WorkloadVerifier {
  const issuerOf = findIssuer(issuers);
  const keysOf = createKeys();
  return {
    async verify(idToken, audiences) {
      const claimed = issuerIn(idToken);
      const known = claimed === undefined ? undefined : issuerOf(claimed);
      if (!known)
        return refused(claimed === undefined ? "it is not a signed JSON Web Token" : "its issuer is not trusted here");
      const { type, issuer } = known;
      try {
        const { payload } = await jwtVerify(idToken, await keysOf(issuer), {
          issuer,
          audience: [...audiences],
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_TOLERANCE,
          currentDate: clock.now(),
          maxTokenAge: MAX_AGE,
          requiredClaims: ["exp", "iat", "sub"],
        });
        return { ok: true, workload: { type, issuer, claims: payload, tokenId: tokenIdOf(idToken, payload) } };
      } catch (error) {
        return problemOf(error, audiences);
      }
    },
  };
}

/** The issuer that a token claims to be of. Nothing else is read before its signature is checked. */
function issuerIn(idToken: string): string | undefined {
  if (idToken.length > ID_TOKEN_MAX) return undefined;
  try {
    return decodeJwt(idToken).iss;
  } catch (error) {
    if (error instanceof errors.JWTInvalid) return undefined;
    throw error;
  }
}

/** A token without `jti`, as CircleCI's, is known by what was signed: the signature itself can have several forms. */
function tokenIdOf(idToken: string, { jti }: JWTPayload): string {
  const signed = idToken.slice(0, idToken.lastIndexOf("."));
  return jti ?? sha256Hex(signed);
}

/** What is wrong with a token. @throws IssuerUnavailable when it is not the token's fault */
function problemOf(error: unknown, audiences: readonly string[]) {
  if (error instanceof IssuerUnavailable) throw error;
  if (error instanceof errors.JWKSTimeout)
    throw new IssuerUnavailable("the issuer's keys came too late", { cause: error });
  if (error instanceof errors.JWTExpired) return refused("it has expired");
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(
      error.claim === "aud"
        ? `its audience is not ${audiences.join(" or ")}`
        : `its claim "${error.claim}" is not valid`,
    );
  if (error instanceof errors.JWKSNoMatchingKey) return refused("its issuer has no such key");
  if (error instanceof errors.JOSEAlgNotAllowed) return refused("its algorithm is not allowed");
  if (error instanceof errors.JOSEError) return refused("its signature is not valid");
  throw error;
}

const refused = (problem: string) => ({ ok: false, problem }) as const;
