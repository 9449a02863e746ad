import type { BucketMaintenance } from "@codebox/aws";
import { isOwnKey, packageOfKey, type Clock, type ObjectInfo, type ObjectStore } from "@codebox/core";
import pMap from "p-map";
import type { Checkpoint } from "../checkpoint.ts";
import { encryptionProblem } from "../encryption.ts";
import type { ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";
import { bucketFindings } from "../verify/bucket.ts";
import { error, orUnreadable, warning, type Finding } from "../verify/finding.ts";
import { ownObjectFindings } from "../verify/own-objects.ts";
import { packageFindings } from "../verify/package.ts";
import { byFolder, walk, walkObjects, type Folder } from "../walk.ts";

export type VerifyPorts = {
  readonly store: ObjectStore;
  readonly maintenance: Pick<BucketMaintenance, "encryption" | "settings">;
  readonly clock: Clock;
  readonly output: Output;
  readonly checkpoint: Checkpoint;
  readonly signal: AbortSignal;
};
export type VerifySettings = {
  readonly bucket: string;
  /** The key that objects must be encrypted with. Default: S3's own. */
  readonly kmsKey?: string;
  /** Reads every tarball and checks its digests. */
  readonly deep: boolean;
  /** Packages that are looked at at a time. */
  readonly concurrency: number;
};

/** Objects of one package that are looked up at a time. */
const OBJECTS_AT_ONCE = 8;

/**
 * Checks every invariant of a bucket, and reports each finding at once.
 *
 * @example const code = await verify(ports, { bucket: "acme-registry", deep: false, concurrency: 4 });
 * Changes nothing. Damaged objects are findings, never the end of the run. 1 when an error was found; warnings alone are 0.
 */
export async function verify(ports: VerifyPorts, settings: VerifySettings): Promise<ExitCode> {
  const { store, checkpoint, signal, output, maintenance } = ports;
  const report = (findings: readonly Finding[]) => {
    for (const finding of findings) output.record(finding, human(output, finding));
    return count(findings);
  };
  // Reported again in a resumed run, but counted by the run that reaches the end.
  const ofBucket = report(bucketFindings(settings.bucket, await maintenance.settings()));
  const { totals, resumed } = await walk<Folder>({
    items: (from) => byFolder(walkObjects(store, from)),
    checkpoint,
    concurrency: settings.concurrency,
    signal,
    work: async (folder) => ({
      ...report(await folderFindings(ports, settings, folder)),
      objects: folder.objects.length,
      packages: folder.objects.filter(({ key }) => packageOfKey(key) !== undefined).length,
    }),
    refused: () => ({}),
    onProgress: ({ objects = 0, errors = 0, warnings = 0 }, key) =>
      output.progress(`${objects} objects, ${errors} errors, ${warnings} warnings … ${key}`),
  });
  const errors = (totals["errors"] ?? 0) + ofBucket.errors;
  const warnings = (totals["warnings"] ?? 0) + ofBucket.warnings;
  const { objects = 0, packages = 0 } = totals;
  output.summary({ bucket: settings.bucket, packages, objects, errors, warnings, deep: settings.deep, resumed });
  return errors > 0 ? 1 : 0;
}

async function folderFindings(
  { store, maintenance, clock }: VerifyPorts,
  { kmsKey, deep }: VerifySettings,
  folder: Folder,
): Promise<readonly Finding[]> {
  const now = clock.now();
  const each = (look: (object: ObjectInfo) => Promise<readonly Finding[]>) =>
    pMap(folder.objects, look, { concurrency: OBJECTS_AT_ONCE });
  const encryption = await each(({ key }) => orUnreadable(key, () => encryptionFindings(maintenance, key, kmsKey)));
  const rest = isOwnKey(`${folder.path}/`)
    ? await each((object) => orUnreadable(object.key, () => ownObjectFindings(store, object, { now, deep })))
    : [await orUnreadable(`${folder.path}/index.json`, () => packageFindings(store, folder, { now, deep }))];
  return [...encryption, ...rest].flat();
}

async function encryptionFindings(
  maintenance: Pick<BucketMaintenance, "encryption">,
  key: string,
  kmsKey: string | undefined,
): Promise<readonly Finding[]> {
  const found = await maintenance.encryption(key);
  const problem = found && encryptionProblem(found, kmsKey);
  if (problem === undefined) return [];
  // Encrypted otherwise is still encrypted.
  const finding = found?.algorithm === undefined ? error : warning;
  return [
    finding("object-encryption", key, problem, `codebox encrypt${kmsKey === undefined ? "" : ` --kms-key ${kmsKey}`}`),
  ];
}

function count(findings: readonly Finding[]): { readonly errors: number; readonly warnings: number } {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  return { errors, warnings: findings.length - errors };
}

function human({ style }: Output, { severity, code, key, problem, fix }: Finding): string {
  const mark = severity === "error" ? style("red", "error  ") : style("yellow", "warning");
  return `${mark} ${style("bold", key)}: ${problem} ${style("dim", `[${code}]`)}\n        → ${fix}`;
}
