/**
 * Objects with ETags and conditional writes: S3, or a table of an embedded database.
 *
 * Error semantics
 * - A condition that does not hold is data (`StoreResult.ok === false`): the caller reads again and decides again.
 * - A missing object is `undefined`.
 * - Everything else throws `StoreUnavailable` (time-out, 5xx, throttling). After it **the write may have landed or not**:
 *   a caller must be able to repeat it. Anything but `StoreUnavailable` is a bug.
 */
export interface ObjectStore {
  /** Reads a small object whole. With `ifNoneMatch`, an unchanged object costs no bytes. */
  get(key: string, options?: { readonly ifNoneMatch?: string }): Promise<StoredObject | NotModified | undefined>;
  /** Opens an object as a stream, or bytes `start`–`end` of it, both included (RFC 9110, 14.1.2). */
  open(key: string, range?: ByteRange): Promise<OpenObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /**
   * Writes an object. A stream is written whole or not at all: when it throws, its error surfaces and nothing is stored.
   * @param options.condition absent: unconditionally.
   */
  put(key: string, body: Body, options?: PutOptions): Promise<StoreResult>;
  /** Copies inside the store. `missing` when `from` does not exist. */
  copy(from: string, to: string, condition?: WriteCondition): Promise<StoreResult>;
  /** Deletes. Without a condition, deleting what is not there succeeds. */
  delete(key: string, condition?: { readonly ifMatch: string }): Promise<DeleteResult>;
  /** A page of the keys under a prefix, in the order of their UTF-8 bytes; with `cursor`, a key, those behind it. */
  list(prefix: string, cursor?: string): Promise<ObjectPage>;
  /** A URL under which anybody may fetch the object for a while; `undefined` where the store has none. */
  signedUrl(key: string, expiresSeconds: number): Promise<string | undefined>;
}

export type Body = Uint8Array | AsyncIterable<Uint8Array>;
/** `ifMatch`: the object exists with this ETag. `ifNoneMatch`: no object of this key exists. */
export type WriteCondition = { readonly ifMatch: string } | { readonly ifNoneMatch: "*" };
export type PutOptions = { readonly condition?: WriteCondition; readonly contentType?: string };
export type ByteRange = { readonly start: number; readonly end?: number };

export type ObjectInfo = {
  readonly key: string;
  /** Opaque, quotes included; differs whenever the bytes differ. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** From `head`: a digest of the bytes, comparable between keys. Absent where the store keeps none besides the ETag. */
  readonly checksum?: string;
  readonly contentType?: string;
  readonly modified: Date;
};
/** `notModified` distinguishes the two answers of `get`; only with `ifNoneMatch` may it be true. */
export type StoredObject = ObjectInfo & { readonly notModified: false; readonly bytes: Uint8Array };
export type NotModified = { readonly notModified: true; readonly etag: string };
/** `size` is the whole object's, also when a range is open. The body must be read to its end or returned (`for await` does both). */
export type OpenObject = ObjectInfo & { readonly body: AsyncIterable<Uint8Array> };
export type ObjectPage = { readonly objects: readonly ObjectInfo[]; readonly cursor?: string };

export type StoreResult =
  | { readonly ok: true; readonly etag: string }
  | {
      readonly ok: false;
      /** `mismatch`: S3's 412. `contended`: its 409, a competing write is under way. `missing`: its 404, no object to match or copy. */
      readonly reason: "mismatch" | "contended" | "missing";
    };
export type DeleteResult = { readonly ok: true } | { readonly ok: false; readonly reason: "mismatch" | "contended" };

/**
 * Why a store does not work, where the adapter knows it.
 *
 * - `full`: no space is left. Reading works, and so does writing once there is space.
 * - `refused`: the disk takes no writes, for example because it is mounted read-only. Reading works.
 * - `stopped`: a sync failed, so what is on the disk is not known. Nothing is written until the process starts again.
 * - `damaged`: the stored bytes that were asked for cannot be read. Others can.
 */
export type StoreProblem = "full" | "refused" | "stopped" | "damaged";

/** The store did not answer, or answered that it can't now. The operation may have happened. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
  readonly problem: StoreProblem | undefined;
  constructor(message: string, { problem, ...options }: ErrorOptions & { readonly problem?: StoreProblem } = {}) {
    super(message, options);
    this.problem = problem;
  }
}
