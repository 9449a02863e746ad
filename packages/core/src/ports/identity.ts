/**
 * Who somebody is: users of the embedded store, or GitHub.
 *
 * Error semantics: a wrong password or an unknown token is data. `IdentityUnavailable` is thrown when the provider does not answer.
 */
export interface IdentityProvider {
  /** Signs in with name and password (`npm login --auth-type=legacy`), registering a new user where the provider allows it. */
  login(credentials: Credentials): Promise<LoginResult>;
  /** A user's public profile (`npm owner add` needs `name` and `email`). */
  find(name: string): Promise<Profile | undefined>;
}

export type Credentials = { readonly name: string; readonly password: string; readonly email?: string };
export type Profile = { readonly name: string; readonly email: string };
export type LoginResult =
  | { readonly ok: true; readonly profile: Profile }
  | { readonly ok: false; readonly reason: "wrong_password" | "registration_closed" | "not_supported" };

export class IdentityUnavailable extends Error {
  override readonly name = "IdentityUnavailable";
}

/** The registry's own tokens. Only a token's SHA-256 is ever stored. */
export interface TokenStore {
  put(record: TokenRecord): Promise<void>;
  find(hash: string): Promise<TokenRecord | undefined>;
  list(user: string): Promise<readonly TokenRecord[]>;
  /** `false` when there is no such token. */
  remove(hash: string): Promise<boolean>;
}
export type TokenRecord = {
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly user: string;
  /** May read, not write. */
  readonly readonly: boolean;
  /** Told to its owner to recognise it: never the token. */
  readonly label: string;
  readonly created: string;
};
