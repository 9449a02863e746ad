/**
 * Randomness, passed in.
 *
 * Error semantics: nothing throws.
 *
 * @example ids.next() // "0mgt5c2a14f0c…", a change's id
 */
export interface Ids {
  /** A new change id: unique, URL-safe, at most 64 characters. */
  next(): string;
  /** A secret of 256 bits, URL-safe. */
  secret(): string;
}
