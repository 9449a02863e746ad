import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { encryptionOf, type S3Settings } from "./s3-settings.ts";

/** An upload that a client makes itself, straight to S3. */
type SignedUpload = {
  readonly url: string;
  readonly method: "PUT";
  /** Headers that the client must send, exactly: the signature covers them. */
  readonly headers: Readonly<Record<string, string>>;
};
export type SignUpload = (key: string, size: number, expiresSeconds: number) => Promise<SignedUpload>;

/**
 * Signs an upload of exactly `size` bytes to a key, for a client that has no rights of its own.
 *
 * @example const { url, headers } = await signUpload(stagingKey(id), 104_857_600, 900);
 */
export function createSignUpload(client: S3Client, { bucket, kmsKey }: S3Settings): SignUpload {
  // The SDK would sign the checksum of a body that it does not see; S3 would then refuse every upload. Signing opens no connection.
  const { region, credentials, endpoint, forcePathStyle } = client.config;
  const signer = new S3Client({
    region,
    credentials,
    forcePathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  return async (key, size, expiresSeconds) => {
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, ContentLength: size, ...encryptionOf(kmsKey) });
    const url = await getSignedUrl(signer, command, { expiresIn: expiresSeconds });
    const headers = {
      "content-length": String(size),
      "x-amz-server-side-encryption": kmsKey === undefined ? "AES256" : "aws:kms",
      ...(kmsKey === undefined ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": kmsKey }),
    };
    return { url, method: "PUT", headers };
  };
}
