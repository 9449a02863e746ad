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
}

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
