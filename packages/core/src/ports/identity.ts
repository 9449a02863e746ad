/**
 * Who somebody is: users of the embedded store, or GitHub.
 *
 * Error semantics: a wrong password or an unknown token is data. `IdentityUnavailable` is thrown when the provider does not answer.
 */
export interface IdentityProvider {
  /**
   * Signs in with name and password (`npm login --auth-type=legacy`), registering a new user where the provider allows it. A
   * name that holds a token is somebody's already: without a password of its own it is refused as `no_password`.
   */
  login(credentials: Credentials): Promise<LoginResult>;
  /** Whether the password is the user's. Registers nobody. */
  verify(credentials: Pick<Credentials, "name" | "password">): Promise<VerifyResult>;
  /** A user's public profile (`npm owner add` needs `name` and `email`). */
  find(name: string): Promise<Profile | undefined>;
  /** Replaces a password by a new one of at least `PASSWORD_MIN` characters. Absent: the provider's passwords are not changed here. */
  changePassword?(change: {
    readonly name: string;
    readonly old: string;
    readonly new: string;
  }): Promise<ChangePasswordResult>;
  /** Replaces a user's e-mail address; empty for none. `false`: there is no such user. Absent: it is not changed here. */
  changeEmail?(change: Pick<Profile, "name" | "email">): Promise<boolean>;
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
export type Profile = {
  readonly name: string;
  readonly email: string;
  /** When the user was registered, in ISO 8601; absent when nobody knows. */
  readonly created?: string;
};
export type VerifyResult =
  | { readonly ok: true; readonly profile: Profile }
  | { readonly ok: false; readonly reason: "wrong_password" | "no_password" | "not_supported" };
/** As for `verify`: with `ok: false`, nothing was changed. */
export type ChangePasswordResult = VerifyResult;
export type LoginResult =
  | VerifyResult
  /** `weak_password`: a new user's password is shorter than `PASSWORD_MIN`. */
  | { readonly ok: false; readonly reason: "registration_closed" | "weak_password" };

export class IdentityUnavailable extends Error {
  override readonly name = "IdentityUnavailable";
}
