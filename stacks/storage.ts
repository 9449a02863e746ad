import { EXPIRING } from "../packages/core/src/layout.ts";
import type { BucketSettings, Settings } from "./settings.ts";

export type Storage = {
  readonly name: $util.Output<string>;
  readonly arn: $util.Output<string>;
  /** The bucket's own KMS key; absent: S3's. */
  readonly kmsKey: string | undefined;
};

/** How long an overwritten or deleted object can be restored, in days. */
const FORMER_DAYS = 30;
/** The same for temporary objects: nobody restores a staged tarball. One day is S3's minimum, counted from the next midnight. */
const FORMER_EXPIRING_DAYS = 1;

/**
 * The bucket of packuments and tarballs: a new one, or an existing one of the predecessor.
 *
 * A new bucket is private, encrypted and versioned. It refuses plain HTTP and unencrypted writes. An adopted bucket is not changed,
 * unless the setting is `replace`. Then its policy, encryption, public-access block and lifecycle are replaced with codebox's.
 */
export function storage({ bucket: settings, trial }: Settings): Storage {
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
        // SST empties a bucket that it removes. That is right for a trial stage, but never for another.
        args.forceDestroy = trial;
        opts.retainOnDelete = !trial;
        opts.protect = !trial;
      },
    },
  });
  encrypt(bucket, settings);
  expire(bucket);
  return { name: bucket.name, arn: bucket.arn, kmsKey };
}

/** Makes an adopted bucket private, as `sst.aws.Bucket` does with a new one. */
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

/** Matches a write that requests no encryption, or another encryption than the bucket's. */
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
    // If two rules set when an object expires, S3 uses the earlier time. Source: S3 User Guide, "Conflicting lifecycle configurations".
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
