import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import {
  StoreUnavailable,
  type ByteRange,
  type DeleteResult,
  type ObjectInfo,
  type ObjectStore,
  type StoreResult,
  type WriteCondition,
} from "@codebox/core";
import { Readable } from "node:stream";
import { isUnavailable, messageOf, statusOf } from "./failures.ts";
import { encryptionOf, type S3Settings } from "./s3-settings.ts";

/** A streamed body is held in pieces of this size; `PARTS_AT_ONCE` of them stand in memory. S3's least is 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 3;

/**
 * The `ObjectStore` port over S3.
 *
 * @example const store = createS3ObjectStore(createS3Client(), { bucket: "acme-registry" });
 *
 * `put` with a condition is `If-Match` or `If-None-Match` on PutObject, or on CompleteMultipartUpload for a stream of more than
 * `PART_BYTES`. `copy` carries them on CopyObject, which checks them against the destination; its source may have 5 GiB.
 * The SDK repeats a request whose answer it did not get: a conditional one may then say `mismatch` though it was ours that
 * landed, which the caller finds out when it reads again.
 * Rights: a write with `If-Match` needs `s3:GetObject` too. Without `s3:ListBucket` S3 answers 403 for a missing object.
 * Source: Amazon S3 User Guide, "Add preconditions to S3 operations with conditional requests".
 */
export function createS3ObjectStore(client: S3Client, { bucket, kmsKey }: S3Settings): ObjectStore {
  const at = (key: string) => ({ Bucket: bucket, Key: key });
  const encryption = encryptionOf(kmsKey);
  return {
    get: (key, { ifNoneMatch } = {}) =>
      guarded(`reading ${key}`, async () => {
        try {
          const input = { ...at(key), ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }) };
          const found = await client.send(new GetObjectCommand(input));
          const bytes = (await found.Body?.transformToByteArray()) ?? new Uint8Array();
          return { ...infoOf(key, found), size: bytes.byteLength, notModified: false as const, bytes };
        } catch (error) {
          if (statusOf(error) === 404) return undefined;
          if (statusOf(error) === 304 && ifNoneMatch !== undefined)
            return { notModified: true as const, etag: ifNoneMatch };
          throw error;
        }
      }),
    open: (key, range) =>
      missing(`opening ${key}`, async () => {
        const found = await client.send(
          new GetObjectCommand({ ...at(key), ...(range ? { Range: rangeHeader(range) } : {}) }),
        );
        return { ...infoOf(key, found), body: bodyOf(key, found) };
      }),
    head: (key) =>
      missing(`looking up ${key}`, async () => {
        const found = await client.send(new HeadObjectCommand({ ...at(key), ChecksumMode: "ENABLED" }));
        const checksum = checksumOf(found);
        return { ...infoOf(key, found), ...(checksum === undefined ? {} : { checksum }) };
      }),
    put: (key, body, { condition, contentType } = {}) => {
      const input = {
        ...at(key),
        ...encryption,
        ...conditionOf(condition),
        ...(contentType === undefined ? {} : { ContentType: contentType }),
      };
      return body instanceof Uint8Array
        ? written(`writing ${key}`, condition, () => client.send(new PutObjectCommand({ ...input, Body: body })))
        : written(`writing ${key}`, condition, () => upload(client, input, body));
    },
    copy: (from, to, condition) =>
      written(
        `copying ${from} to ${to}`,
        // The 404 of a copy is also that of its source.
        condition ?? { ifMatch: "" },
        async () => {
          const source = `${bucket}/${from.split("/").map(encodeURIComponent).join("/")}`;
          const copied = await client.send(
            new CopyObjectCommand({ ...at(to), ...encryption, ...conditionOf(condition), CopySource: source }),
          );
          return { ETag: copied.CopyObjectResult?.ETag };
        },
      ),
    delete: (key, condition) => remove(client, { ...at(key), ...(condition ? { IfMatch: condition.ifMatch } : {}) }),
    list: (prefix, cursor) =>
      guarded(`listing ${prefix}`, async () => {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(cursor ? { StartAfter: cursor } : {}) }),
        );
        const objects = (page.Contents ?? []).map((object) =>
          infoOf(object.Key ?? "", {
            ETag: object.ETag,
            ContentLength: object.Size,
            LastModified: object.LastModified,
          }),
        );
        const last = objects.at(-1);
        return page.IsTruncated && last ? { objects, cursor: last.key } : { objects };
      }),
    signedUrl: (key, expiresSeconds) =>
      getSignedUrl(client, new GetObjectCommand(at(key)), { expiresIn: expiresSeconds }),
  };
}

function conditionOf(condition: WriteCondition | undefined) {
  if (condition === undefined) return {};
  return "ifMatch" in condition ? { IfMatch: condition.ifMatch } : { IfNoneMatch: condition.ifNoneMatch };
}

/** Streams a body of unknown length. When the body breaks off its own error surfaces, and S3 drops the parts. */
async function upload(
  client: S3Client,
  input: { readonly Bucket: string; readonly Key: string },
  body: AsyncIterable<Uint8Array>,
): Promise<{ ETag?: string | undefined }> {
  let broken: { readonly error: unknown } | undefined;
  const watched = async function* () {
    try {
      yield* body;
    } catch (error) {
      broken = { error };
      throw error;
    }
  };
  const Body = Readable.from(watched(), { objectMode: false });
  try {
    const params = { ...input, Body };
    return await new Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }).done();
  } catch (error) {
    throw broken ? new SourceError(broken.error) : error;
  } finally {
    Body.destroy();
  }
}

/** Carries a body's own failure past the mapping of S3's. */
class SourceError extends Error {
  override readonly name = "SourceError";
  constructor(cause: unknown) {
    super("the body broke off", { cause });
  }
}

/** A write, and what its condition's failure means. */
function written(
  what: string,
  condition: WriteCondition | undefined,
  write: () => Promise<{ ETag?: string | undefined }>,
): Promise<StoreResult> {
  return guarded(what, async () => {
    try {
      const { ETag } = await write();
      if (ETag === undefined) throw new StoreUnavailable(`S3 gave no ETag for ${what}`);
      return { ok: true, etag: ETag };
    } catch (error) {
      const status = condition && statusOf(error);
      if (status === 412) return { ok: false, reason: "mismatch" };
      if (status === 409) return { ok: false, reason: "contended" };
      if (status === 404 && !isMissingBucket(error)) return { ok: false, reason: "missing" };
      throw error;
    }
  });
}

function isMissingBucket(error: unknown): boolean {
  return error instanceof Error && error.name === "NoSuchBucket";
}

function remove(
  client: S3Client,
  input: { readonly Bucket: string; readonly Key: string; readonly IfMatch?: string },
): Promise<DeleteResult> {
  return guarded(`deleting ${input.Key}`, async () => {
    try {
      await client.send(new DeleteObjectCommand(input));
      return { ok: true };
    } catch (error) {
      const status = input.IfMatch === undefined ? undefined : statusOf(error);
      // S3 answers either for what is gone already.
      if (status === 412 || (status === 404 && !isMissingBucket(error))) return { ok: false, reason: "mismatch" };
      if (status === 409) return { ok: false, reason: "contended" };
      throw error;
    }
  });
}

function missing<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
  return guarded(what, async () => {
    try {
      return await read();
    } catch (error) {
      if (statusOf(error) === 404 && !isMissingBucket(error)) return undefined;
      throw error;
    }
  });
}

/** Maps failures that another try may cure to `StoreUnavailable`; lets the others through. */
async function guarded<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof SourceError) throw error.cause;
    if (error instanceof StoreUnavailable || !isUnavailable(error)) throw error;
    throw new StoreUnavailable(`S3 failed ${what}: ${messageOf(error)}`, { cause: error });
  }
}

async function* bodyOf(key: string, { Body }: GetObjectCommandOutput): AsyncGenerator<Uint8Array> {
  const stream = Body as Readable;
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new StoreUnavailable(`S3 broke off reading ${key}: ${messageOf(error)}`, { cause: error });
  } finally {
    stream.destroy();
  }
}

function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end ?? ""}`;
}

type Described = Pick<HeadObjectCommandOutput, "ETag" | "ContentLength" | "ContentType" | "LastModified"> & {
  readonly ContentRange?: string | undefined;
};

/** Of the whole object; a checksum of parts depends on how they were cut. With a KMS key the ETag is no digest, so this decides. */
function checksumOf(found: HeadObjectCommandOutput): string | undefined {
  if (found.ChecksumType !== "FULL_OBJECT") return undefined;
  const { ChecksumSHA256, ChecksumCRC64NVME, ChecksumCRC32 } = found;
  const checksums = Object.entries({ ChecksumSHA256, ChecksumCRC64NVME, ChecksumCRC32 });
  return checksums.find(([, value]) => value !== undefined)?.join(" ");
}

function infoOf(key: string, { ETag, ContentLength, ContentRange, ContentType, LastModified }: Described): ObjectInfo {
  // "bytes 0-4/100": the whole object's size, also when a range was asked for.
  const whole = ContentRange?.slice(ContentRange.indexOf("/") + 1);
  return {
    key,
    etag: ETag ?? "",
    size: whole === undefined ? (ContentLength ?? 0) : Number(whole),
    ...(ContentType === undefined ? {} : { contentType: ContentType }),
    modified: LastModified ?? new Date(0),
  };
}
