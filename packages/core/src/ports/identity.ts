/**
 * Who somebody is: users of the embedded store, or GitHub.
 *
 * Error semantics: a wrong password or an unknown token is data. `IdentityUnavailable` is thrown when the provider does not answer.
 */
export interface IdentityProvider {
  /**
   * Signs in with name and password (`npm login --auth-type=legacy`), registering a new user where the provider allows it. A
   * name that holds a token, or ever did, is somebody's already: without a password of its own it is refused as `no_password`.
   */
  login(credentials: Credentials): Promise<LoginResult>;
  /** Whether the password is the user's. Registers nobody. */
  verify(credentials: Pick<Credentials, "name" | "password">): Promise<VerifyResult>;
  /** A user's public profile (`npm owner add` needs `name` and `email`). */
  find(name: string): Promise<Profile | undefined>;
}

export type Credentials = {
  readonly name: string;
  readonly password: string;
  readonly email?: string;
  /** Whether an unknown name may become a user, where registration is open. Default: true. */
  readonly mayRegister?: boolean;
};
/** Shortest password of a new user, in characters. Source: NIST SP 800-63B, 5.1.1.2. */
export const PASSWORD_MIN = 8;
export type Profile = { readonly name: string; readonly email: string };
export type VerifyResult =
  | { readonly ok: true; readonly profile: Profile }
  | { readonly ok: false; readonly reason: "wrong_password" | "no_password" | "not_supported" };
export type LoginResult =
  | VerifyResult
  /** `weak_password`: a new user's password is shorter than `PASSWORD_MIN`. */
  | { readonly ok: false; readonly reason: "registration_closed" | "weak_password" };

export class IdentityUnavailable extends Error {
  override readonly name = "IdentityUnavailable";
}

/**
 * The registry's own tokens. Only a token's SHA-256 is ever stored.
 *
 * Error semantics: an unknown hash is data. `StoreUnavailable` when the store does not answer; every method is safe to repeat.
 */
export interface TokenStore {
  put(record: TokenRecord): Promise<void>;
  find(hash: string): Promise<TokenRecord | undefined>;
  list(user: string): Promise<readonly TokenRecord[]>;
  /** `false` when there is no such token. */
  remove(hash: string): Promise<boolean>;
  /** Whether nobody holds a token: the registry is new. */
  isEmpty(): Promise<boolean>;
}
export type TokenRecord = {
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly user: string;
  /** May read, not write. */
  readonly readonly: boolean;
  /** Shown to its owner to recognise it: never the token. */
  readonly label: string;
  readonly created: string;
  /** When it ends, in ISO 8601. Default: never. */
  readonly expires?: string;
  /** The only packages that it may be used for, for example `@acme/wire`. Default: no limit. Stored; not enforced yet. */
  readonly packages?: readonly string[];
  /** The only scopes that it may be used for, for example `@acme`. Default: no limit. Stored; not enforced yet. */
  readonly scopes?: readonly string[];
  /** The only networks that it may be used from, for example `10.0.0.0/8`. Default: no limit. Stored; not enforced yet. */
  readonly cidr?: readonly string[];
};
