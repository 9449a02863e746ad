import { createS3ObjectStore } from "@codebox/aws";
import { objectStoreContract } from "@codebox/testing/contracts";
import { describe } from "vitest";
import { clients, makeBucket } from "./support/cloud.ts";

async function open() {
  const { s3 } = clients();
  const bucket = await makeBucket(s3);
  return {
    s3,
    bucket,
    store: createS3ObjectStore(s3, { bucket }),
    async [Symbol.asyncDispose]() {
      s3.destroy();
    },
  };
}

describe("object store over S3", () => objectStoreContract(open));
