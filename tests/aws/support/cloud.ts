import { CreateBucketCommand, type S3Client } from "@aws-sdk/client-s3";
import { createS3Client, createSnsClient, createSqsClient } from "@codebox/aws";
import { inject } from "vitest";
import { MOTO_CREDENTIALS, MOTO_REGION } from "../../../scripts/moto.ts";

let counter = 0;
/** A name that no other test of this run uses. */
export const unique = (prefix: string): string => `${prefix}-${process.pid}-${++counter}`;

/** Clients of the emulator. */
export function clients() {
  const options = { endpoint: inject("moto"), region: MOTO_REGION, credentials: MOTO_CREDENTIALS };
  return { s3: createS3Client(options), sqs: createSqsClient(options), sns: createSnsClient(options) };
}

export async function makeBucket(s3: S3Client): Promise<string> {
  const bucket = unique("bucket");
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: MOTO_REGION } }),
  );
  return bucket;
}
