import { EXPIRING } from "../packages/core/src/layout.ts";
import type { BucketSettings, Settings } from "./settings.ts";

export type Storage = {
  readonly name: $util.Output<string>;
  readonly arn: $util.Output<string>;
  /** The bucket's own KMS key; absent: S3's. */
  readonly kmsKey: string | undefined;
};

/** Days for which an overwritten or deleted object can be restored. */
const FORMER_DAYS = 30;
/** The same for objects that expire: nobody restores a staged tarball. S3's least; it counts from the next midnight. */
const FORMER_EXPIRING_DAYS = 1;

/**
 * The bucket of packuments and tarballs: a new one, or one that the predecessor left.
 *
 * A new bucket is private, encrypted, versioned, refuses plain HTTP and unencrypted writes. An adopted one is left as it is,
 * unless the stage says `replace`; then its policy, encryption, public-access block and lifecycle become ours.
 */
export function storage({ bucket: settings, production }: Settings): Storage {
  const { kmsKey } = settings;
  if (settings.kind === "adopted") {
    const bucket = sst.aws.Bucket.get("Storage", settings.name);
    if (settings.settings === "replace") {
      close(bucket, kmsKey);
      encrypt(bucket, settings);
      expire(bucket);
    }
    return { name: bucket.name, arn: bucket.arn, kmsKey };
  }
  const bucket = new sst.aws.Bucket("Storage", {
    cors: false,
    enforceHttps: true,
    versioning: true,
    policy: [
      { effect: "deny", principals: "*", actions: ["s3:PutObject"], paths: ["*"], conditions: [unencrypted(kmsKey)] },
    ],
    transform: {
      bucket(args, opts) {
        // SST empties a bucket that it removes: right for a trial stage, never for packages.
        args.forceDestroy = !production;
        opts.retainOnDelete = production;
        opts.protect = production;
      },
    },
  });
  encrypt(bucket, settings);
  expire(bucket);
  return { name: bucket.name, arn: bucket.arn, kmsKey };
}

/** For an adopted bucket, what `sst.aws.Bucket` does for a new one. */
function close({ name, arn }: sst.aws.Bucket, kmsKey: string | undefined): void {
  const everyone = [{ type: "*", identifiers: ["*"] }];
  const block = new aws.s3.BucketPublicAccessBlock(
    "StoragePublicAccessBlock",
    {
      bucket: name,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    { retainOnDelete: true },
  );
  const policy = aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        effect: "Deny",
        principals: everyone,
        actions: ["s3:*"],
        resources: [arn, $interpolate`${arn}/*`],
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
      {
        effect: "Deny",
        principals: everyone,
        actions: ["s3:PutObject"],
        resources: [$interpolate`${arn}/*`],
        conditions: [unencrypted(kmsKey)],
      },
    ],
  });
  new aws.s3.BucketPolicy(
    "StoragePolicy",
    { bucket: name, policy: policy.json },
    { retainOnDelete: true, dependsOn: block },
  );
}

/** Matches a write that does not ask for the bucket's own encryption, or asks for none. */
function unencrypted(kmsKey: string | undefined) {
  return {
    test: "StringNotEquals",
    variable: "s3:x-amz-server-side-encryption",
    values: [kmsKey === undefined ? "AES256" : "aws:kms"],
  };
}

function encrypt(bucket: sst.aws.Bucket, { kmsKey }: BucketSettings): void {
  new aws.s3.BucketServerSideEncryptionConfiguration(
    "StorageEncryption",
    {
      bucket: bucket.name,
      rules: [
        kmsKey === undefined
          ? { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }
          : {
              applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKey },
              bucketKeyEnabled: true,
            },
      ],
    },
    { retainOnDelete: true },
  );
}

function expire(bucket: sst.aws.Bucket): void {
  const rules = EXPIRING.map(({ prefix, days }) => ({
    id: `expire ${prefix}`,
    status: "Enabled",
    filter: { prefix },
    expiration: { days },
    // Where two rules say when an object expires, S3 takes the sooner. Source: S3 User Guide, "Conflicting lifecycle configurations".
    noncurrentVersionExpiration: { noncurrentDays: FORMER_EXPIRING_DAYS },
  }));
  new aws.s3.BucketLifecycleConfiguration(
    "StorageLifecycle",
    {
      bucket: bucket.name,
      rules: [
        ...rules,
        {
          id: "former versions",
          status: "Enabled",
          filter: { prefix: "" },
          noncurrentVersionExpiration: { noncurrentDays: FORMER_DAYS },
          expiration: { expiredObjectDeleteMarker: true },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
        },
      ],
    },
    { retainOnDelete: true },
  );
}
