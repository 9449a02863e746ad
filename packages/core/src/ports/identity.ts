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
  /** Replaces a password by a new one of at least `PASSWORD_MIN` characters. Absent: the provider's passwords are not changed here. */
  changePassword?(change: {
    readonly name: string;
    readonly old: string;
    readonly new: string;
  }): Promise<ChangePasswordResult>;
  /** Replaces fields of a user's profile; empty for none. `false`: there is no such user. Absent: it is not changed here. */
  changeProfile?(change: { readonly name: string } & Partial<Pick<Profile, "email" | "fullname">>): Promise<boolean>;
  /**
   * Gives a user a password, and makes the user if there is none, as an accepted invitation does. `false`: the name differs only
   * in capitals from a user's. Absent: the provider has no passwords.
   */
  setPassword?(credentials: Credentials): Promise<boolean>;
  /** Ends a user's password: nobody signs in with it from now on. `false`: there was none. Absent: the provider has no passwords. */
  endPassword?(name: string): Promise<boolean>;
  /** A page of all users, also of those who hold a token and have no password, in the order of their names. */
  list?(cursor?: string): Promise<UserPage>;
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
  /** The person's name; absent when it is not known. */
  readonly fullname?: string;
  /** When the user was registered, in ISO 8601; absent when nobody knows. */
  readonly created?: string;
};
/** `cursor`: absent on the last page. */
export type UserPage = { readonly users: readonly Profile[]; readonly cursor?: string };
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
