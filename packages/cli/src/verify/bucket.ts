import type { BucketSettings, Setting } from "@codebox/aws";
import { error, warning, type Finding } from "./finding.ts";

/**
 * For how many days objects stand under our prefixes: what the stacks' lifecycle rules say (stacks/storage.ts), and why.
 * A staged tarball or body lives as long as a change that names it may wait: 14 days in the queue, 14 among the dead letters.
 */
export const LIFETIME_DAYS: Readonly<Record<string, number>> = {
  "_codebox/staging/": 30,
  "_codebox/messages/": 30,
  "_codebox/outcomes/": 14,
  "_codebox/upstream/": 90,
};

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
              "the public-access block is off, or not wholly on",
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
  return Object.entries(LIFETIME_DAYS).flatMap(([prefix, wanted]) => {
    const days = rules[prefix];
    if (days === undefined)
      return [warning("bucket-lifecycle", bucket, `no lifecycle rule expires ${prefix}`, `add one: ${wanted} days`)];
    const tooSoon = days < wanted && wanted === LIFETIME_DAYS["_codebox/staging/"];
    return tooSoon
      ? [
          error(
            "bucket-lifecycle",
            bucket,
            `${prefix} expires after ${days} days: a change may wait for 28`,
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
