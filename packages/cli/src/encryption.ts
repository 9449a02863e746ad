import type { ObjectEncryption } from "@codebox/aws";
import { UsageError } from "./errors.ts";

/**
 * In what an object's encryption differs from what the bucket demands; `undefined` when it is right.
 *
 * @param kmsKey ARN or id of the KMS key that is demanded. Absent: S3's own key (AES256).
 * @example encryptionProblem({ algorithm: undefined }) // "it is not encrypted"
 */
export function encryptionProblem({ algorithm, kmsKey: used }: ObjectEncryption, kmsKey?: string): string | undefined {
  if (algorithm === undefined) return "it is not encrypted";
  const wanted = kmsKey === undefined ? "AES256" : "aws:kms";
  if (algorithm !== wanted) return `it is encrypted with ${algorithm}, not with ${wanted}`;
  if (kmsKey === undefined || used === undefined || keyId(used) === keyId(kmsKey)) return undefined;
  return `it is encrypted with the key ${used}, not with ${kmsKey}`;
}

/** S3 returns a key's ARN, in whatever form the key was given. */
function keyId(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** An alias can't be compared with what S3 answers, and may point elsewhere tomorrow. */
export function checkKmsKey(kmsKey: string | undefined): void {
  if (kmsKey === undefined || !/(?:^|:)alias\//.test(kmsKey)) return;
  throw new UsageError(
    `--kms-key must be the key's own ARN or id, not the alias ${kmsKey}: "aws kms describe-key --key-id ${kmsKey}" prints it`,
  );
}
