import type { PackumentForm } from "./ports/upstream.ts";

/** An upstream packument as cached: the bytes as the upstream sent them, tarball URLs and all. */
export type CachedPackument = {
  readonly bytes: Uint8Array;
  /** Of the bytes; changes whenever they do. */
  readonly etag: string;
  /** The upstream did not answer, and this copy is older than it should be. */
  readonly stale: boolean;
};

export type CachedTarball = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };

/**
 * Packages that are not ours: fetched from the upstream, kept in the store, served stale when the upstream fails.
 *
 * A name of ours never comes from here: the caller asks for it only when `isOurs(name)` is false and the store has no document.
 */
export type UpstreamCache = {
  /** Whether the name's scope is configured as ours, so that it must never come from upstream. */
  isOurs(name: string): boolean;
  /** `undefined`: the upstream has no such package. Throws `UpstreamUnavailable` when it does not answer and nothing is cached. */
  packument(name: string, form: PackumentForm): Promise<CachedPackument | undefined>;
  /** A tarball by its file name (`wire-1.0.0.tgz`), streamed through the cache, its integrity checked before it is kept. */
  tarball(name: string, file: string): Promise<CachedTarball | undefined>;
  /** Forwards an audit, with our own packages left out. */
  advisories(packages: Readonly<Record<string, readonly string[]>>): Promise<unknown>;
};
