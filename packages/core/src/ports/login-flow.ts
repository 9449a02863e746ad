/**
 * Signing in at a provider in the browser, beside the password login of `IdentityProvider`.
 *
 * Error semantics: a refusal by the provider or by the person is data. `IdentityUnavailable` is thrown when the provider does not answer.
 *
 * @example
 * const { session, loginUrl, doneUrl } = await flow.begin();
 * // npm opens loginUrl and polls doneUrl, which calls flow.complete(session)
 */
export interface LoginFlow {
  /** Starts a login. The session is a secret: only who began it can complete it. */
  begin(): Promise<LoginStart>;
  /** The state of a login. `identity` is answered once; afterwards, and for an unknown session, the login has failed. */
  complete(session: string): Promise<LoginState>;
}

export type LoginStart = {
  readonly session: string;
  /** The page that the person opens. */
  readonly loginUrl: string;
  /** The URL that the client polls. */
  readonly doneUrl: string;
};
export type LoginState =
  | { readonly state: "pending" }
  | { readonly state: "identity"; readonly name: string }
  /** `expired`: unknown, completed before, or too old. `refused`: the provider or the person said no. */
  | { readonly state: "failed"; readonly reason: "expired" | "refused" };
