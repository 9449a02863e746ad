import { describe, expect, test } from "vitest";
import { EXPIRING } from "../../packages/core/src/layout.ts";
import { stack, statements, type Stack } from "./resources.ts";
import { KMS_KEY } from "./synthesise.ts";

const CLOSED = ["trial", "production", "withKey", "adoptedReplaced"] as const;
const policyOf = (of: Stack) => statements(of.one("s3/bucketPolicy:BucketPolicy").inputs["policy"]);

describe.each(CLOSED)("the bucket of the stack %s", (variant) => {
  const of = stack(variant);
  const name = String(of.outputs["bucket"]);
  const everyone = [{ type: "*", identifiers: ["*"] }];

  test("gives no access from outside", () => {
    expect(of.one("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs).toEqual({
      bucket: name,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
  });

  test("is refused over plain HTTP", () => {
    expect(policyOf(of)).toContainEqual(
      expect.objectContaining({
        effect: "Deny",
        principals: everyone,
        actions: ["s3:*"],
        resources: [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`],
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      }),
    );
  });

  test("refuses a write that does not request its encryption", () => {
    const encryption = variant === "withKey" ? "aws:kms" : "AES256";
    expect(policyOf(of)).toContainEqual(
      expect.objectContaining({
        effect: "Deny",
        principals: everyone,
        actions: ["s3:PutObject"],
        resources: [`arn:aws:s3:::${name}/*`],
        conditions: [{ test: "StringNotEquals", variable: "s3:x-amz-server-side-encryption", values: [encryption] }],
      }),
    );
  });

  test("allows nothing by its policy", () => {
    expect(policyOf(of).map(({ effect }) => effect)).toEqual(["Deny", "Deny"]);
  });

  test("encrypts by default", () => {
    const rules = of.one("s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").inputs[
      "rules"
    ];
    expect(rules).toEqual([
      variant === "withKey"
        ? {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: KMS_KEY },
            bucketKeyEnabled: true,
          }
        : { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } },
    ]);
  });

  test("takes no browser's requests", () => {
    expect(of.all("s3/bucketCorsConfiguration:BucketCorsConfiguration")).toEqual([]);
  });

  test("keeps a staged object for longer than a change may wait", () => {
    const waits = ["ChangeQueue", "DeadLetterQueue"].map((queue) =>
      Number(of.one("sqs/queue:Queue", queue).inputs["messageRetentionSeconds"]),
    );
    const days = (waits[0]! + waits[1]!) / (24 * 60 * 60);
    for (const prefix of ["_codebox/staging/", "_codebox/messages/"]) expect(expiry(of, prefix)).toBeGreaterThan(days);
  });

  test("expires outcomes, cached packages and login sessions, never a packument, tarball or token", () => {
    const rules = lifecycle(of).filter(({ expiration }) => expiration?.days !== undefined);
    expect(rules.map(({ filter }) => filter.prefix)).toEqual(EXPIRING.map(({ prefix }) => prefix));
    for (const kept of ["tokens/", "access/", "history/", "trust/"])
      expect(expiry(of, `_codebox/${kept}`)).toBeUndefined();
    expect(expiry(of, "_codebox/outcomes/")).toBe(14);
    expect(expiry(of, "_codebox/upstream/")).toBe(90);
  });

  test("keeps former versions of temporary objects for a day", () => {
    const short = lifecycle(of).filter((rule) => rule.noncurrentVersionExpiration?.noncurrentDays === 1);
    expect(short.map(({ filter, status }) => [filter.prefix, status])).toEqual(
      EXPIRING.map(({ prefix }) => [prefix, "Enabled"]),
    );
  });

  test("aborts unfinished uploads, and deletes former versions after thirty days", () => {
    expect(lifecycle(of)).toContainEqual({
      id: "former versions",
      status: "Enabled",
      filter: { prefix: "" },
      noncurrentVersionExpiration: { noncurrentDays: 30 },
      expiration: { expiredObjectDeleteMarker: true },
      abortIncompleteMultipartUpload: { daysAfterInitiation: 2 },
    });
  });
});

type Rule = {
  readonly status: string;
  readonly filter: { readonly prefix: string };
  readonly expiration?: { readonly days?: number };
  readonly noncurrentVersionExpiration?: { readonly noncurrentDays: number };
};
const lifecycle = (of: Stack) =>
  of.one("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"] as readonly Rule[];
const expiry = (of: Stack, prefix: string) =>
  lifecycle(of).find(({ filter, status }) => filter.prefix === prefix && status === "Enabled")?.expiration?.days;

describe("a new bucket", () => {
  test.each(["trial", "production"] as const)("is versioned (%s)", (variant) => {
    expect(stack(variant).one("s3/bucketVersioning:BucketVersioning").inputs["versioningConfiguration"]).toEqual({
      status: "Enabled",
    });
  });

  test("is never emptied in production, and is in a trial", () => {
    expect(stack("production").one("s3/bucket:Bucket").inputs["forceDestroy"]).toBe(false);
    expect(stack("trial").one("s3/bucket:Bucket").inputs["forceDestroy"]).toBe(true);
  });
});

describe("an existing bucket", () => {
  test.each(["adoptedKept", "adoptedReplaced"] as const)("is adopted, not created (%s)", (variant) => {
    const of = stack(variant);
    expect(of.one("s3/bucket:Bucket").adopted).toBe(true);
    expect(of.outputs["bucket"]).toBe("acme-codebox");
  });

  test("is not changed, unless the setting is replace", () => {
    const touched = stack("adoptedKept").resources.filter(({ type }) => type.startsWith("aws:s3/"));
    expect(touched.map(({ type }) => type).filter((type) => !type.includes("bucketObject"))).toEqual([
      "aws:s3/bucket:Bucket",
    ]);
  });
});

describe("when a stage is removed", () => {
  const HOLDERS = ["s3/bucket:Bucket", "sqs/queue:Queue", "sns/topic:Topic"];
  const kept = (of: Stack) => HOLDERS.flatMap((type) => of.all(type)).filter(({ name }) => name !== "AlarmTopicTopic");

  test("production keeps its bucket, queues and topics, and does not let itself be removed by mistake", () => {
    const of = stack("production");
    expect(of.app).toMatchObject({ removal: "retain", protect: true });
    expect(kept(of)).toHaveLength(9);
    expect(kept(of).filter(({ retained }) => !retained)).toEqual([]);
    expect(of.one("s3/bucket:Bucket").protected).toBe(true);
  });

  test("a trial leaves nothing behind", () => {
    const of = stack("trial");
    expect(of.app).toMatchObject({ removal: "remove", protect: false });
    expect(kept(of).filter((resource) => resource.retained || resource.protected)).toEqual([]);
  });
});
