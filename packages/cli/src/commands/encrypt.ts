import { COPY_BYTES_MAX, type BucketMaintenance } from "@codebox/aws";
import { retryConflicts, WRITE_ATTEMPTS, type Clock, type ObjectInfo, type ObjectStore } from "@codebox/core";
import type { Checkpoint, Totals } from "../checkpoint.ts";
import { encryptionProblem } from "../encryption.ts";
import type { ExitCode } from "../errors.ts";
import { bytes, reportFailed, tellRefused, type Output } from "../output.ts";
import { walk, walkObjects, type Placed } from "../walk.ts";

export type EncryptPorts = {
  readonly store: Pick<ObjectStore, "list" | "head">;
  readonly maintenance: Pick<BucketMaintenance, "encryption" | "reencrypt">;
  readonly clock: Clock;
  readonly output: Output;
  readonly checkpoint: Checkpoint;
  readonly signal: AbortSignal;
};
export type EncryptSettings = {
  readonly bucket: string;
  /** The key that objects must be encrypted with. Default: S3's own. */
  readonly kmsKey?: string;
  readonly dryRun: boolean;
  /** Objects that are worked on at a time. */
  readonly concurrency: number;
};

/**
 * Encrypts every object that is not encrypted as the bucket demands. Those that are right are left alone.
 *
 * @example await encrypt(ports, { bucket: "acme-registry", dryRun: false, concurrency: 16 });
 * Small ones are read and put back, tarballs copied onto themselves, each under the condition that it is still what was seen:
 * nothing that is written meanwhile is lost.
 * Former versions of a versioned bucket stay as they are, until its lifecycle removes them. 1 when an object was left.
 */
export async function encrypt(ports: EncryptPorts, settings: EncryptSettings): Promise<ExitCode> {
  const { store, checkpoint, signal, output } = ports;
  const { bucket, kmsKey, dryRun, concurrency } = settings;
  const { totals, resumed } = await walk<Placed>({
    items: (from) => walkObjects(store, from),
    checkpoint,
    concurrency,
    signal,
    work: ({ object }) => encryptOne(ports, settings, object),
    refused: ({ object }, problem) => tellRefused(output, object.key, problem),
    onProgress: ({ objects = 0, encrypted = 0 }, key) =>
      output.progress(`${objects} objects, ${encrypted} encrypted … ${key}`),
  });
  const { objects = 0, encrypted = 0, failed = 0, size = 0 } = totals;
  const algorithm = kmsKey === undefined ? "AES256" : "aws:kms";
  output.summary({ bucket, algorithm, objects, encrypted, bytes: size, failed, dryRun, resumed });
  return failed > 0 ? 1 : 0;
}

/** A tarball never changes, and may be large: S3 copies it. What changes under the command's eyes is put back with If-Match. */
function wayOf({ key, size }: ObjectInfo): "rewrite" | "copy" {
  return key.endsWith(".tgz") || size > REWRITE_BYTES_MAX ? "copy" : "rewrite";
}

/** Bytes. The largest document (10,000 versions) is about 20 MB. */
const REWRITE_BYTES_MAX = 32 * 1024 * 1024;

async function encryptOne(ports: EncryptPorts, settings: EncryptSettings, listed: ObjectInfo): Promise<Totals> {
  const { store, maintenance, clock, output } = ports;
  const { kmsKey, dryRun } = settings;
  const { key } = listed;
  const failed = (problem: string, fix: string): Totals => {
    reportFailed(output, { key }, problem, fix);
    return { objects: 1, failed: 1 };
  };
  const done = await retryConflicts({ clock }, WRITE_ATTEMPTS, async (attempt): Promise<Totals | undefined> => {
    const found = await maintenance.encryption(key);
    // Deleted since the listing.
    if (!found) return {};
    const problem = encryptionProblem(found, kmsKey);
    if (problem === undefined) return { objects: 1 };
    // The listing's ETag is the first guess; after a conflict the object's own.
    const seen = attempt === 1 ? listed : await store.head(key);
    if (!seen) return {};
    if (seen.size > COPY_BYTES_MAX)
      return failed(
        `it has ${bytes(seen.size)}, and S3 copies at most 5 GiB in one request`,
        `aws s3 cp s3://${settings.bucket}/${key} s3://${settings.bucket}/${key} --sse ${kmsKey === undefined ? "AES256" : `aws:kms --sse-kms-key-id ${kmsKey}`}`,
      );
    if (!dryRun && !(await maintenance.reencrypt(key, seen.etag, wayOf(seen))).ok) return undefined;
    output.record({ key, was: found.algorithm ?? "none", ...(dryRun ? { dryRun } : {}) });
    return { objects: 1, encrypted: 1, size: seen.size };
  });
  if (done) return done;
  return failed(
    `it changed ${WRITE_ATTEMPTS} times while it was encrypted`,
    "run the command again when less is published",
  );
}
