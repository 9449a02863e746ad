import type { BucketMaintenance, UploadCursor, VersionCursor } from "@codebox/aws";
import { packageOfKey, pagesOf } from "@codebox/core";
import { CommandError, Interrupted, UsageError, type ExitCode } from "../errors.ts";
import { bytes, type Output } from "../output.ts";

export type RemoveStoragePorts = {
  readonly maintenance: Pick<
    BucketMaintenance,
    "versions" | "removeVersions" | "uploads" | "abortUpload" | "removeBucket"
  >;
  readonly output: Output;
  readonly signal: AbortSignal;
};
export type RemoveStorageSettings = {
  readonly bucket: string;
  /** The bucket's name once more: without it nothing is removed. */
  readonly yes?: string;
  readonly dryRun: boolean;
};

/** How often a bucket is emptied again into which somebody wrote meanwhile. */
const ROUNDS = 3;

/** S3's limit on DeleteObjects. */
const BATCH = 1_000;

/**
 * Empties the bucket, every version of every object, and deletes it. There is no way back.
 *
 * @example await removeStorage(ports, { bucket: "acme-registry", yes: "acme-registry", dryRun: false });
 * Without `yes` it shows what would go, and removes nothing (2; with `dryRun` 0). Stopped half-way, it continues when run again.
 */
export async function removeStorage(ports: RemoveStoragePorts, settings: RemoveStorageSettings): Promise<ExitCode> {
  const { bucket, yes, dryRun } = settings;
  if (yes !== undefined && yes !== bucket)
    throw new UsageError(`--yes says "${yes}", but the bucket is "${bucket}"; nothing was removed`);
  if (yes === undefined || dryRun) {
    await show(ports, bucket);
    if (dryRun) return 0;
    throw new UsageError(`nothing was removed. To remove all of this for good: --yes ${bucket}`);
  }
  let removed = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    removed += await empty(ports);
    const end = await ports.maintenance.removeBucket();
    if (end !== "not_empty") {
      ports.output.summary({ bucket, versions: removed, removed: true });
      return 0;
    }
  }
  throw new CommandError(
    `somebody still writes into ${bucket}; remove what does (the old stack, its functions), and run this again`,
  );
}

async function show({ maintenance, output, signal }: RemoveStoragePorts, bucket: string): Promise<void> {
  let [objects, former, markers, size, packages, uploads] = [0, 0, 0, 0, 0, 0];
  for await (const { page } of pagesOf((cursor: VersionCursor | undefined) => maintenance.versions(cursor))) {
    stopIf(signal);
    for (const version of page.versions) {
      if (version.marker) markers++;
      else if (version.latest) objects++;
      else former++;
      size += version.size;
      if (version.latest && !version.marker && packageOfKey(version.key) !== undefined) packages++;
    }
    output.progress(`${objects + former + markers} versions …`);
  }
  for await (const { page } of pagesOf((cursor: UploadCursor | undefined) => maintenance.uploads(cursor))) {
    stopIf(signal);
    uploads += page.uploads.length;
  }
  output.summary({
    bucket,
    packages,
    objects,
    formerVersions: former,
    deleteMarkers: markers,
    unfinishedUploads: uploads,
    bytes: output.terminal ? bytes(size) : size,
    removed: false,
  });
}

/** Every page is asked for from the start again: what was in the last one is gone. */
async function empty({ maintenance, output, signal }: RemoveStoragePorts): Promise<number> {
  let removed = 0;
  for (;;) {
    stopIf(signal);
    const { versions } = await maintenance.versions();
    if (versions.length === 0) break;
    for (let at = 0; at < versions.length; at += BATCH) {
      const failures = await maintenance.removeVersions(versions.slice(at, at + BATCH));
      if (failures.length > 0)
        throw new CommandError(
          `${failures.length} versions could not be deleted, ${failures[0]}: take away what keeps them (an object lock, a policy), and run this again`,
        );
    }
    removed += versions.length;
    output.progress(`${removed} versions removed …`);
  }
  for (;;) {
    stopIf(signal);
    const { uploads } = await maintenance.uploads();
    if (uploads.length === 0) return removed;
    for (const upload of uploads) await maintenance.abortUpload(upload);
  }
}

function stopIf(signal: AbortSignal): void {
  if (signal.aborted)
    throw new Interrupted("interrupted; what was removed is gone. Run the same command again to continue");
}
