export type S3Settings = {
  readonly bucket: string;
  /** ARN of the KMS key that the bucket's policy demands. Default: S3's own key (AES256). */
  readonly kmsKey?: string;
};

/** How objects that we write are encrypted, as input of a command. */
export function encryptionOf(kmsKey: string | undefined) {
  return kmsKey === undefined
    ? { ServerSideEncryption: "AES256" as const }
    : { ServerSideEncryption: "aws:kms" as const, SSEKMSKeyId: kmsKey };
}
