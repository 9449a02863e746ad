/**
 * The registry that answers for packages that are not ours.
 *
 * Error semantics: an absent package is data; `UpstreamUnavailable` (time-out, refused, 5xx, 429) lets the caller serve what it has cached.
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
  | { readonly kind: "found"; readonly bytes: Uint8Array; readonly etag?: string }
  | { readonly kind: "not_modified" }
  | { readonly kind: "absent" };
export type UpstreamTarball = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };

export class UpstreamUnavailable extends Error {
  override readonly name = "UpstreamUnavailable";
}
