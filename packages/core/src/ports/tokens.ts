import type { TrustPermission } from "../access/trust.ts";
import type { ProviderId } from "./sign-in.ts";
import type { WorkloadType } from "./workloads.ts";

/**
 * The registry's own tokens. Only a token's SHA-256 is ever stored.
 *
 * Error semantics: an unknown hash is data. `StoreUnavailable` when the store does not answer; every method is safe to repeat.
 */
export interface TokenStore {
  put(record: TokenRecord): Promise<void>;
  find(hash: string): Promise<TokenRecord | undefined>;
  /** A user's tokens, oldest first. */
  list(user: string): Promise<readonly ListedToken[]>;
  /** A page of everybody's tokens, in the order of their hashes. */
  page(options?: TokenPageOptions): Promise<TokenPage>;
  /** `false` when there is no such token. */
  remove(hash: string): Promise<boolean>;
  /** Whether nobody holds a token: the registry is new. */
  isEmpty(): Promise<boolean>;
  /**
   * Records the day on which a token was used. It never brings a removed token back. May become durable later than it resolves:
   * a crash loses a day, never a token.
   *
   * @example await tokens.used(hash, "2026-11-25");
   */
  used(hash: string, day: string): Promise<void>;
}

export type TokenPageOptions = {
  /** Only tokens whose hash begins with it. */
  readonly prefix?: string;
  /** The `cursor` of the page before. */
  readonly cursor?: string;
};
/** `cursor`: absent on the last page. A page may be empty and have a cursor. */
export type TokenPage = { readonly tokens: readonly ListedToken[]; readonly cursor?: string };

/** What a token may less than its user. An absent field is no limit. */
export type TokenLimits = {
  /** May read, not write. */
  readonly readonly: boolean;
  /** May read, and stage versions for approval; changes nothing directly. */
  readonly stageOnly?: boolean;
  /** Has no right on packages, beyond what callers without a token have. */
  readonly noPackages?: boolean;
  /** The only packages that it may be used for, with `scopes`, for example `@acme/wire`. */
  readonly packages?: readonly string[];
  /** The only scopes that it may be used for, with `packages`, for example `@acme`. */
  readonly scopes?: readonly string[];
  /** The only networks that it may be used from, IPv4 or IPv6, for example `10.0.0.0/8`. */
  readonly cidr?: readonly string[];
  /** The token was exchanged by a CI job. It has the rights of its trust rule, and none of a user. */
  readonly workload?: WorkloadGrant;
};

/**
 * What a trust rule grants a CI job.
 *
 * @example { type: "github", rule: "01J…", permissions: ["publish"] }
 */
export type WorkloadGrant = {
  readonly type: WorkloadType;
  /** The id of the trust rule. */
  readonly rule: string;
  readonly permissions: readonly TrustPermission[];
};
/**
 * At which provider the user of a token signed in for it.
 *
 * @example { provider: "github", subject: "583231", groups: ["acme", "acme/platform"], sealed: "…" }
 */
export type TokenSignIn = {
  readonly provider: ProviderId;
  readonly subject: string;
  /** The groups at the sign-in. */
  readonly groups: readonly string[];
  /** The provider's token, sealed for this token. Absent: the account is not checked again. */
  readonly sealed?: string;
};
export type TokenRecord = TokenLimits & {
  /** Absent: a token that no provider has to confirm. */
  readonly signIn?: TokenSignIn;
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly user: string;
  /** Shown to its owner to recognise it: never the token. */
  readonly label: string;
  readonly description?: string;
  readonly created: string;
  /** When it ends, in ISO 8601. Default: never. */
  readonly expires?: string;
};
/** `lastUsed`: the last day, in UTC, on which the token was used for something else than reading packages, as `2026-11-25`. */
export type ListedToken = TokenRecord & { readonly lastUsed?: string };
