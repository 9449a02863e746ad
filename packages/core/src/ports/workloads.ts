/**
 * Checks the ID tokens that CI systems give their jobs (OpenID Connect).
 *
 * Error semantics: a token that is not valid is data. `IssuerUnavailable` is thrown when the issuer's keys cannot be read; a retry may help.
 *
 * @example await verifier.verify(idToken, ["npm:registry.acme.example"]) // { ok: true, workload: { type: "github", … } }
 */
export interface WorkloadVerifier {
  /** @param audiences what `aud` may be; one of them is enough. */
  verify(
    idToken: string,
    audiences: readonly string[],
  ): Promise<{ readonly ok: true; readonly workload: Workload } | { readonly ok: false; readonly problem: string }>;
}

/** The CI systems whose claims are known, and any other issuer that the operator configured. Closed. */
export const WORKLOAD_TYPES = ["github", "gitlab", "circleci", "oidc"] as const;
export type WorkloadType = (typeof WORKLOAD_TYPES)[number];

/**
 * A CI job as its issuer describes it.
 *
 * @example { type: "github", issuer: "https://token.actions.githubusercontent.com", claims: { repository: "acme/wire", … }, tokenId: "…" }
 */
export type Workload = {
  readonly type: WorkloadType;
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The same for every use of one ID token: its `jti`, else its hash. */
  readonly tokenId: string;
};

export class IssuerUnavailable extends Error {
  override readonly name = "IssuerUnavailable";
}
