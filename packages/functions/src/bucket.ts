/** The bucket as the environment names it. */
export function bucketOf(env: { readonly CODEBOX_BUCKET: string; readonly CODEBOX_KMS_KEY?: string | undefined }) {
  const { CODEBOX_BUCKET: bucket, CODEBOX_KMS_KEY: kmsKey } = env;
  return kmsKey === undefined ? { bucket } : { bucket, kmsKey };
}
