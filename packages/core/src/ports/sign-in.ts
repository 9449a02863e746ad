/**
 * A server at which people sign in: GitHub, or an OpenID Connect provider.
 *
 * Error semantics: a refusal by the provider, by the person or by our settings is data. `IdentityUnavailable` is thrown when the
 * provider does not answer.
 *
 * @example
 * const url = await provider.authorizeUrl(request); // the browser goes there, and returns to request.returnUrl
 * await provider.finish(parameters, request); // { ok: true, account: { subject: "583231", name: "alice", … } }
 */
export interface SignInProvider {
  /** In URLs and in the names of groups: `github`. */
  readonly id: ProviderId;
  /** On the button: `GitHub`. */
  readonly label: string;
  /** Whether the provider alone gives out names, each to one account: then a name of the settings may be an account's first name here. */
  readonly ownsNames: boolean;
  /** Milliseconds that a token lives for which somebody signed in here, at most. Absent: as long as any other. */
  readonly tokenMs?: number;
  /** The page at which the person signs in. */
  authorizeUrl(request: SignInRequest): Promise<string>;
  /** Who returned. `parameters` are those of the URL that the browser returned to; their `state` was checked. */
  finish(parameters: URLSearchParams, request: SignInRequest): Promise<SignInResult>;
  /** Whether a text looks like a token of this provider, without asking it. Absent: its tokens are not taken here. */
  recognises?(token: string): boolean;
  /** Whose token this is, and whether that account may use the registry now. Absent: the account is as it was at the sign-in. */
  check?(token: string): Promise<SignInResult>;
  /** Revokes a token that was issued for this registry. Another token stays as it is. */
  revoke?(token: string): Promise<void>;
}

/** The providers. Closed: rights name groups by it. */
export const PROVIDER_IDS = ["github", "oidc"] as const;
export type ProviderId = (typeof PROVIDER_IDS)[number];

/** One sign-in. The three secrets are made for it alone. */
export type SignInRequest = {
  readonly state: string;
  readonly nonce: string;
  /** PKCE's code verifier (RFC 7636). */
  readonly verifier: string;
  readonly returnUrl: string;
};
export type SignInResult =
  | { readonly ok: true; readonly account: ProviderAccount }
  /** `problem` is for the person: why, and what helps. */
  | { readonly ok: false; readonly problem: string };
export type ProviderAccount = {
  /** What the provider never gives to another account: GitHub's numeric id, OpenID Connect's `sub`. */
  readonly subject: string;
  /** What it is called there now. It may change, and another account may get it later. */
  readonly name: string;
  /** Names of groups, without the provider: `acme`, `acme/platform`. */
  readonly groups: readonly string[];
  /** The provider's token, by which the account is checked again. */
  readonly token?: string;
};
