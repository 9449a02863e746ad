import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyStatusCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  GetPublicAccessBlockCommand,
  HeadObjectCommand,
  PutObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  type LifecycleRule,
  type S3Client,
} from "@aws-sdk/client-s3";
import { StoreUnavailable, type StoreResult } from "@codebox/core";
import { isUnavailable, messageOf, nameOf, statusOf } from "./failures.ts";
import { encryptionOf, type S3Settings } from "./s3-settings.ts";

/**
 * What an operator's commands need of a bucket beyond the `ObjectStore` port: encryption, settings, versions, its end.
 *
 * Error semantics as in `ObjectStore`: a condition that does not hold is data, a missing object is `undefined`, and
 * `StoreUnavailable` means that the operation may have happened; every one is safe to repeat.
 */
export interface BucketMaintenance {
  /** How an object is encrypted; `undefined` when there is none of this key. */
  encryption(key: string): Promise<ObjectEncryption | undefined>;
  /**
   * Writes an object again, encrypted as the settings say, unless it changed since it was seen with this ETag. Type, metadata and
   * tags stay. `rewrite` reads it into memory and puts it back; `copy` has the store copy it onto itself, up to `COPY_BYTES_MAX`.
   */
  reencrypt(key: string, etag: string, how: "rewrite" | "copy"): Promise<StoreResult>;
  settings(): Promise<BucketSettings>;
  /** A page of every version of every object, delete markers included. */
  versions(cursor?: VersionCursor): Promise<VersionPage>;
  /** Deletes up to 1,000 versions for good. Returns those that were not deleted, and why. */
  removeVersions(versions: readonly ObjectVersion[]): Promise<readonly string[]>;
  /** A page of the uploads that were begun and never finished. */
  uploads(cursor?: UploadCursor): Promise<UploadPage>;
  abortUpload(upload: UnfinishedUpload): Promise<void>;
  /** `not_empty` when something was written meanwhile. */
  removeBucket(): Promise<"removed" | "missing" | "not_empty">;
}

/** S3's limit on copying an object in one request. */
export const COPY_BYTES_MAX = 5 * 1024 ** 3;

export type ObjectEncryption = { readonly algorithm: string | undefined; readonly kmsKey?: string };
/** A setting that could not be looked at (a missing right) is `unknown`, with the reason. */
export type Setting<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };
export type BucketSettings = {
  /** All four switches of the bucket's public-access block are on. */
  readonly publicAccessBlocked: Setting<boolean>;
  /** The bucket's policy lets everybody in. */
  readonly policyIsPublic: Setting<boolean>;
  /** What S3 does with an object whose writer asks for nothing. */
  readonly encryption: Setting<ObjectEncryption | undefined>;
  /** Prefix → days after which the objects under it expire. */
  readonly expiry: Setting<Readonly<Record<string, number>>>;
};
export type ObjectVersion = {
  readonly key: string;
  readonly versionId: string;
  /** Bytes; a delete marker has none. */
  readonly size: number;
  readonly marker: boolean;
  readonly latest: boolean;
};
export type VersionCursor = { readonly key: string; readonly versionId: string };
export type VersionPage = { readonly versions: readonly ObjectVersion[]; readonly cursor?: VersionCursor };
export type UnfinishedUpload = { readonly key: string; readonly uploadId: string };
export type UploadCursor = UnfinishedUpload;
export type UploadPage = { readonly uploads: readonly UnfinishedUpload[]; readonly cursor?: UploadCursor };

/**
 * `BucketMaintenance` over S3.
 *
 * @example const maintenance = createS3Maintenance(createS3Client(), { bucket: "acme-registry" });
 *
 * An object may be copied onto itself when the encryption is named, and no byte travels. The copy names the ETag as seen on both
 * sides, so it neither brings an older state back nor an object that was deleted meanwhile.
 * Source: S3 API reference, CopyObject, "copy an object to itself".
 */
export function createS3Maintenance(client: S3Client, s3Settings: S3Settings): BucketMaintenance {
  const { bucket } = s3Settings;
  const Bucket = bucket;
  return {
    encryption: (key) =>
      asked(`looking up ${key}`, async () => {
        try {
          const found = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
          return {
            algorithm: found.ServerSideEncryption,
            ...(found.SSEKMSKeyId === undefined ? {} : { kmsKey: found.SSEKMSKeyId }),
          };
        } catch (error) {
          if (statusOf(error) === 404 && nameOf(error) !== "NoSuchBucket") return undefined;
          throw error;
        }
      }),
    reencrypt: (key, etag, how) =>
      asked(`encrypting ${key}`, () =>
        conditional(() => (how === "copy" ? copyOntoItself : rewrite)(client, s3Settings, key, etag)),
      ),
    settings: () => asked(`looking at the settings of ${bucket}`, () => settingsOf(client, bucket)),
    versions: (cursor) =>
      asked(`listing the versions in ${bucket}`, async () => {
        const from = cursor && { KeyMarker: cursor.key, VersionIdMarker: cursor.versionId };
        const page = await client.send(new ListObjectVersionsCommand({ Bucket, ...from }));
        const versions = [
          ...(page.Versions ?? []).map((version) => versionOf({ ...version, marker: false })),
          ...(page.DeleteMarkers ?? []).map((version) => versionOf({ ...version, marker: true })),
        ];
        const next = { key: page.NextKeyMarker ?? "", versionId: page.NextVersionIdMarker ?? "" };
        return page.IsTruncated ? { versions, cursor: next } : { versions };
      }),
    removeVersions: (versions) =>
      asked(`deleting ${versions.length} versions`, async () => {
        if (versions.length === 0) return [];
        const Objects = versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
        const answer = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
        return (answer.Errors ?? []).map(({ Key, Code, Message }) => `${Key}: ${Code ?? ""} ${Message ?? ""}`);
      }),
    uploads: (cursor) =>
      asked(`listing the uploads in ${bucket}`, async () => {
        const from = cursor && { KeyMarker: cursor.key, UploadIdMarker: cursor.uploadId };
        const page = await client.send(new ListMultipartUploadsCommand({ Bucket, ...from }));
        const uploads = (page.Uploads ?? []).map(({ Key = "", UploadId = "" }) => ({ key: Key, uploadId: UploadId }));
        const next = { key: page.NextKeyMarker ?? "", uploadId: page.NextUploadIdMarker ?? "" };
        return page.IsTruncated ? { uploads, cursor: next } : { uploads };
      }),
    abortUpload: ({ key, uploadId }) =>
      asked(`aborting an upload of ${key}`, async () => {
        try {
          await client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }));
        } catch (error) {
          // Finished or aborted meanwhile.
          if (statusOf(error) !== 404) throw error;
        }
      }),
    removeBucket: () =>
      asked(`deleting ${bucket}`, async () => {
        try {
          await client.send(new DeleteBucketCommand({ Bucket }));
          return "removed" as const;
        } catch (error) {
          if (nameOf(error) === "BucketNotEmpty" || statusOf(error) === 409) return "not_empty" as const;
          if (statusOf(error) === 404) return "missing" as const;
          throw error;
        }
      }),
  };
}

type Written = Promise<{ readonly ETag?: string | undefined }>;

async function copyOntoItself(client: S3Client, { bucket, kmsKey }: S3Settings, key: string, etag: string): Written {
  const input = {
    Bucket: bucket,
    Key: key,
    CopySource: `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`,
    CopySourceIfMatch: etag,
    IfMatch: etag,
    ...encryptionOf(kmsKey),
  };
  const { CopyObjectResult } = await client.send(new CopyObjectCommand(input));
  return { ETag: CopyObjectResult?.ETag };
}

async function rewrite(client: S3Client, { bucket, kmsKey }: S3Settings, key: string, etag: string): Written {
  const at = { Bucket: bucket, Key: key };
  const found = await client.send(new GetObjectCommand({ ...at, IfMatch: etag }));
  const Body = await found.Body?.transformToByteArray();
  const { ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata } = found;
  const kept = { ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata };
  const Tagging = (found.TagCount ?? 0) > 0 ? await tagsOf(client, at) : undefined;
  return client.send(
    new PutObjectCommand({ ...at, ...kept, Tagging, Body: Body ?? "", IfMatch: etag, ...encryptionOf(kmsKey) }),
  );
}

/** An object's tags in the form in which a write takes them. */
async function tagsOf(client: S3Client, at: { readonly Bucket: string; readonly Key: string }): Promise<string> {
  const { TagSet = [] } = await client.send(new GetObjectTaggingCommand(at));
  return TagSet.map(({ Key = "", Value = "" }) => `${encodeURIComponent(Key)}=${encodeURIComponent(Value)}`).join("&");
}

/** A write whose condition may not hold: that is data. */
async function conditional(write: () => Written): Promise<StoreResult> {
  try {
    const { ETag } = await write();
    return { ok: true, etag: ETag ?? "" };
  } catch (error) {
    const status = statusOf(error);
    if (status === 412) return { ok: false, reason: "mismatch" };
    if (status === 409) return { ok: false, reason: "contended" };
    if (status === 404 && nameOf(error) !== "NoSuchBucket") return { ok: false, reason: "missing" };
    throw error;
  }
}

async function settingsOf(client: S3Client, bucket: string): Promise<BucketSettings> {
  const Bucket = bucket;
  const [publicAccessBlocked, policyIsPublic, encryption, expiry] = await Promise.all([
    setting(async () => {
      const { PublicAccessBlockConfiguration: on } = await client.send(new GetPublicAccessBlockCommand({ Bucket }));
      return [on?.BlockPublicAcls, on?.BlockPublicPolicy, on?.IgnorePublicAcls, on?.RestrictPublicBuckets].every(
        Boolean,
      );
    }, false),
    setting(async () => {
      const { PolicyStatus } = await client.send(new GetBucketPolicyStatusCommand({ Bucket }));
      return PolicyStatus?.IsPublic === true;
    }, false),
    setting<ObjectEncryption | undefined>(async () => {
      const answer = await client.send(new GetBucketEncryptionCommand({ Bucket }));
      const rule = answer.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
      const kmsKey = rule?.KMSMasterKeyID;
      return rule && { algorithm: rule.SSEAlgorithm, ...(kmsKey === undefined ? {} : { kmsKey }) };
    }, undefined),
    setting(async () => {
      const { Rules = [] } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
      return Object.fromEntries(Rules.flatMap(expiryOf));
    }, {}),
  ]);
  return { publicAccessBlocked, policyIsPublic, encryption, expiry };
}

function expiryOf({ Status, Filter, Prefix, Expiration }: LifecycleRule): [string, number][] {
  const days = Expiration?.Days;
  return Status === "Enabled" && days !== undefined ? [[Filter?.Prefix ?? Prefix ?? "", days]] : [];
}

/** A setting; `absent` where S3 answers that there is none. What may not be looked at is said, not assumed. */
async function setting<T>(look: () => Promise<T>, absent: T): Promise<Setting<T>> {
  try {
    return { known: true, value: await look() };
  } catch (error) {
    if (nameOf(error) === "NoSuchBucket" || isUnavailable(error)) throw error;
    if (statusOf(error) === 404) return { known: true, value: absent };
    return { known: false, why: messageOf(error) };
  }
}

function versionOf(version: {
  readonly Key?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly Size?: number | undefined;
  readonly IsLatest?: boolean | undefined;
  readonly marker: boolean;
}): ObjectVersion {
  const { Key = "", VersionId = "null", Size = 0, IsLatest = false, marker } = version;
  return { key: Key, versionId: VersionId, size: Size, marker, latest: IsLatest };
}

/** What another try may cure becomes `StoreUnavailable`. */
async function asked<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new StoreUnavailable(`S3 failed ${what}: ${messageOf(error)}`, { cause: error });
  }
}
