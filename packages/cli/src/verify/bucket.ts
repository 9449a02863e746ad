import type { BucketSettings, Setting } from "@codebox/aws";
import { DEAD_LETTER_DAYS, EXPIRING, LAYOUT, QUEUE_DAYS } from "@codebox/core";
import { error, warning, type Finding } from "./finding.ts";

/**
 * What is wrong with a bucket's own settings.
 *
 * @example bucketFindings("acme-registry", await maintenance.settings())
 */
export function bucketFindings(bucket: string, settings: BucketSettings): readonly Finding[] {
  const { publicAccessBlocked, policyIsPublic, encryption, expiry } = settings;
  return [
    ...looked(bucket, "public-access block", "s3:GetBucketPublicAccessBlock", publicAccessBlocked, (blocked) =>
      blocked
        ? []
        : [
            error(
              "bucket-public-access",
              bucket,
              "the public-access block is off, or not completely on",
              "aws s3api put-public-access-block, all four switches on",
            ),
          ],
    ),
    ...looked(bucket, "policy status", "s3:GetBucketPolicyStatus", policyIsPublic, (open) =>
      open
        ? [
            error(
              "bucket-policy-public",
              bucket,
              "the bucket's policy lets everybody in",
              "take the public statement out of the policy",
            ),
          ]
        : [],
    ),
    ...looked(bucket, "encryption", "s3:GetEncryptionConfiguration", encryption, (found) =>
      found?.algorithm === undefined
        ? [
            warning(
              "bucket-encryption",
              bucket,
              "the bucket has no default encryption",
              "aws s3api put-bucket-encryption; objects that are not encrypted: codebox encrypt",
            ),
          ]
        : [],
    ),
    ...looked(bucket, "lifecycle", "s3:GetLifecycleConfiguration", expiry, (rules) => lifecycle(bucket, rules)),
  ];
}

function lifecycle(bucket: string, rules: Readonly<Record<string, number>>): readonly Finding[] {
  return EXPIRING.flatMap(({ prefix, days: wanted }) => {
    const days = rules[prefix];
    if (days === undefined)
      return [warning("bucket-lifecycle", bucket, `no lifecycle rule expires ${prefix}`, `add one: ${wanted} days`)];
    const waits = QUEUE_DAYS + DEAD_LETTER_DAYS;
    const isNamedByChanges = prefix === LAYOUT.staging.prefix || prefix === LAYOUT.messages.prefix;
    return isNamedByChanges && days < wanted
      ? [
          error(
            "bucket-lifecycle",
            bucket,
            `${prefix} expires after ${days} days: a change may wait for ${waits}`,
            `let it expire after ${wanted} days`,
          ),
        ]
      : [];
  });
}

function looked<T>(
  bucket: string,
  what: string,
  right: string,
  setting: Setting<T>,
  judge: (value: T) => readonly Finding[],
): readonly Finding[] {
  if (setting.known) return judge(setting.value);
  const problem = `the bucket's ${what} could not be looked at: ${setting.why}`;
  return [warning("bucket-setting-unknown", bucket, problem, `verify with credentials that have ${right}`)];
}
