import ssri, { type Hash, type Integrity } from "ssri";

/**
 * Computes the digests of bytes that arrive in pieces.
 *
 * @example const hasher = createHasher(["sha512"]); hasher.update(bytes); hasher.digest().match(stated)
 * @param algorithms names as Node has them
 */
export function createHasher(algorithms: readonly string[]): Hasher {
  // @types/ssri describes the result as a hash of node:crypto. Source: ssri's README, "ssri.create".
  return ssri.create({ algorithms: [...algorithms] }) as unknown as Hasher;
}

export type Hasher = {
  update(bytes: Uint8Array): unknown;
  /** The digests by algorithm. */
  digest(): Integrity & Readonly<Record<string, readonly Hash[]>>;
};
