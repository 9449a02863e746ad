/**
 * The registry that answers for packages that are not ours.
 *
 * Error semantics: an absent package is data. `UpstreamUnavailable`, `UpstreamRefused` and `UpstreamMalformed` let the caller serve
 * what it has cached; only the first says anything about other packages.
 */
export interface Upstream {
  packument(request: UpstreamRequest): Promise<UpstreamPackument>;
  /** A tarball by the URL that the upstream's packument named; `undefined` when it is gone. */
  tarball(url: string, signal?: AbortSignal): Promise<UpstreamTarball | undefined>;
  /** Forwards an audit (`/-/npm/v1/security/advisories/bulk`): package name → versions in, advisories out. */
  advisories(packages: Readonly<Record<string, readonly string[]>>): Promise<unknown>;
  /** Searches (`/-/v1/search`); `undefined` when it has no search. `signal` gives the search up. */
  search(query: UpstreamQuery, signal?: AbortSignal): Promise<UpstreamFound | undefined>;
  /** The public keys of its signatures (`/-/npm/v1/keys`), as its own JSON; `undefined` when it has none. */
  keys(): Promise<unknown>;
  /** The attestations of a version (`/-/npm/v1/attestations/:name@:version`), as its own JSON; `undefined` when there are none. */
  attestations(name: string, version: string): Promise<unknown>;
}

export type UpstreamQuery = { readonly text: string; readonly from: number; readonly size: number };
/** `objects`: hits as the upstream describes them. `total`: how many there are on all pages. */
export type UpstreamFound = { readonly objects: readonly unknown[]; readonly total: number };

export type PackumentForm = "full" | "abbreviated";
export type UpstreamRequest = {
  readonly name: string;
  readonly form: PackumentForm;
  /** The ETag of the copy we hold. */
  readonly ifNoneMatch?: string;
};
export type UpstreamPackument =
  /** `form` is that of the bytes: an upstream may answer the full packument whatever it is asked for. */
  | { readonly kind: "found"; readonly bytes: Uint8Array; readonly form: PackumentForm; readonly etag?: string }
  | { readonly kind: "not_modified" }
  | { readonly kind: "absent" };
export type UpstreamTarball = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };

/** The upstream does not answer: no connection, time-out, 5xx, 429. */
export class UpstreamUnavailable extends Error {
  override readonly name = "UpstreamUnavailable";
  /** It did answer, with a 5xx: others of its packages may be well. */
  readonly answered: boolean;
  constructor(message: string, { answered = false, ...options }: ErrorOptions & { readonly answered?: boolean } = {}) {
    super(message, options);
    this.answered = answered;
  }
}

/** The upstream answers, and refuses this one package: any other 4xx. Asking again does not help. */
export class UpstreamRefused extends Error {
  override readonly name = "UpstreamRefused";
}

/** The upstream answers, and not as a registry does: a page instead of JSON, another package, more than a limit. */
export class UpstreamMalformed extends Error {
  override readonly name = "UpstreamMalformed";
}

export function isUpstreamFailure(error: unknown): error is UpstreamUnavailable | UpstreamRefused | UpstreamMalformed {
  return error instanceof UpstreamUnavailable || error instanceof UpstreamRefused || error instanceof UpstreamMalformed;
}
