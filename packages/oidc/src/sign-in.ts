import {
  IdentityUnavailable,
  type OidcSettings,
  type SignInProvider,
  type SignInRequest,
  type SignInResult,
} from "@codebox/core";
import * as client from "openid-client";

/** Seconds until the provider must have answered. The person waits for it. */
const TIMEOUT_SECONDS = 5;
/** Milliseconds for which the provider's description is used. */
const DISCOVERED_MS = 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Sign-in at an OpenID Connect provider: Okta, Entra, Google, Keycloak. An account is its `sub`.
 *
 * A provider is not asked again after the sign-in, so groups are as they were then, and the token ends after some hours.
 * Sources: OpenID Connect Core 1.0, 3.1; RFC 7636 (PKCE); RFC 9207 (the issuer in the answer).
 *
 * @example const oidc = createOidcSignIn({ settings, clock });
 */
export function createOidcSignIn({
  settings,
  clock,
}: {
  readonly settings: OidcSettings;
  readonly clock: { readonly now: () => Date };
}): SignInProvider {
  const discover = createDiscovery(settings, clock);
  return {
    id: "oidc",
    label: settings.label,
    // A person may choose what is called a preferred name.
    ownsNames: false,
    tokenMs: settings.hours * HOUR_MS,
    async authorizeUrl({ state, nonce, verifier, returnUrl }) {
      const url = client.buildAuthorizationUrl(await discover(), {
        redirect_uri: returnUrl,
        scope: settings.scopes,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return url.href;
    },
    async finish(parameters, request) {
      const config = await discover();
      const claims = await claimsOf(config, parameters, request, settings);
      return claims ? accountOf(claims, settings) : refused("the sign-in was refused there, or is not valid any more");
    },
  };
}

function createDiscovery(
  { issuer, clientId, clientSecret }: OidcSettings,
  { now }: { readonly now: () => Date },
): () => Promise<client.Configuration> {
  let known: { readonly at: number; readonly config: client.Configuration } | undefined;
  const isLocal = new URL(issuer).protocol === "http:";
  return async () => {
    if (known && now().getTime() - known.at < DISCOVERED_MS) return known.config;
    const options = {
      timeout: TIMEOUT_SECONDS,
      // `isSecureUrl` of the settings allows http on this machine only.
      ...(isLocal ? { execute: [client.allowInsecureRequests] } : {}),
    };
    const config = await orUnavailable(() =>
      client.discovery(new URL(issuer), clientId, undefined, client.ClientSecretBasic(clientSecret), options),
    );
    known = { at: now().getTime(), config };
    return config;
  };
}

/** What the provider says of the person; `undefined` when it refused, or its answer is not for this request. */
async function claimsOf(
  config: client.Configuration,
  parameters: URLSearchParams,
  { state, nonce, verifier, returnUrl }: SignInRequest,
  { groupsClaim, nameClaim }: OidcSettings,
): Promise<Claims | undefined> {
  const current = new URL(returnUrl);
  current.search = parameters.toString();
  try {
    const tokens = await client.authorizationCodeGrant(config, current, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (!claims) return undefined;
    const isComplete = claims[groupsClaim] !== undefined && claims[nameClaim] !== undefined;
    if (isComplete || config.serverMetadata().userinfo_endpoint === undefined) return claims;
    return { ...(await client.fetchUserInfo(config, tokens.access_token, claims.sub)), ...claims };
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw unavailable(error);
  }
}

function accountOf(claims: Claims, { groups, domains, groupsClaim, nameClaim }: OidcSettings): SignInResult {
  const { sub } = claims;
  if (typeof sub !== "string" || sub === "") return refused("the answer does not say who you are");
  const theirs = textsIn(claims[groupsClaim]);
  const isInGroup = groups.includes("*") || theirs.some((group) => groups.includes(group));
  if (groups.length > 0 && !isInGroup) return refused("you are in no group that may use this registry");
  const email = claims["email_verified"] === true ? textsIn(claims["email"])[0] : undefined;
  const domain = email?.slice(email.lastIndexOf("@") + 1).toLowerCase();
  if (domains.length > 0 && !domains.some((one) => one.toLowerCase() === domain))
    return refused("your e-mail address is not verified, or not of a domain that may use this registry");
  const name = textsIn(claims[nameClaim])[0] ?? email ?? sub;
  return { ok: true, account: { subject: sub, name, groups: theirs } };
}

function textsIn(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one) => typeof one === "string");
}

/** What openid-client reports of answers that refuse, or that are not valid. Anything else is no answer. */
function isRefusal(error: unknown): boolean {
  if (error instanceof client.AuthorizationResponseError) return true;
  if (error instanceof client.ResponseBodyError) return error.status < 500;
  return error instanceof client.ClientError && !(error.code !== undefined && NO_ANSWER.has(error.code));
}

/** Codes of openid-client for a provider that does not answer as one. */
const NO_ANSWER: ReadonlySet<string> = new Set(["OAUTH_TIMEOUT", "OAUTH_ABORT", "OAUTH_RESPONSE_IS_NOT_CONFORM"]);

async function orUnavailable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): IdentityUnavailable {
  return new IdentityUnavailable("the single sign-on does not answer; try again in a moment", { cause });
}

const refused = (problem: string): SignInResult => ({ ok: false, problem });
