import { packageOfKey, readObject, updateObject, type Clock, type Mutation, type ObjectStore } from "@codebox/core";
import type { Checkpoint, Totals } from "../checkpoint.ts";
import { rewriteTarballs } from "../domain.ts";
import type { ExitCode } from "../errors.ts";
import { reportFailed, tellRefused, type Output } from "../output.ts";
import { walk, walkDocuments, type Placed } from "../walk.ts";

export type DomainPorts = {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly output: Output;
  readonly checkpoint: Checkpoint;
  readonly signal: AbortSignal;
};
export type DomainSettings = {
  readonly bucket: string;
  /** The registry's URL, without a slash at its end. */
  readonly url: string;
  readonly dryRun: boolean;
  /** Documents that are worked on at a time. */
  readonly concurrency: number;
};

/**
 * Rewrites the stored tarball URLs of every document in the bucket, for those who read the bucket without codebox.
 *
 * @example await domain(ports, { bucket: "acme-registry", url: "https://npm.acme.example", dryRun: false, concurrency: 8 });
 * A second conditional writer beside the consumer (docs/decisions/0008): the one that loses reads again. 1 when a document was damaged,
 * or could not be written because others wrote it all the time.
 */
export async function domain(ports: DomainPorts, settings: DomainSettings): Promise<ExitCode> {
  const { store, checkpoint, signal, output } = ports;
  const { bucket, url, dryRun, concurrency } = settings;
  const { totals, resumed } = await walk<Placed>({
    items: (from) => walkDocuments(store, from),
    checkpoint,
    concurrency,
    signal,
    work: ({ object }) => move(ports, settings, packageOfKey(object.key) ?? "", object.key),
    refused: ({ object }, problem) => tellRefused(output, object.key, problem),
    onProgress: ({ packages = 0, rewritten = 0 }, key) =>
      output.progress(`${packages} packages, ${rewritten} rewritten … ${key}`),
  });
  const { packages = 0, rewritten = 0, versions = 0, failed = 0 } = totals;
  output.summary({ bucket, url, packages, rewritten, versions, failed, dryRun, resumed });
  return failed > 0 ? 1 : 0;
}

async function move(ports: DomainPorts, settings: DomainSettings, name: string, key: string): Promise<Totals> {
  const { store, clock, output } = ports;
  const { url, dryRun } = settings;
  const failed = (problem: string, fix: string): Totals => {
    reportFailed(output, { package: name }, problem, fix);
    return { packages: 1, failed: 1 };
  };
  const updated = await updateObject({ store, clock }, key, {
    read: () => readObject(store, key),
    mutate(found): Mutation<Moved> {
      // Deleted since the listing.
      if (!found) return { result: { kind: "gone" } };
      const result = rewriteTarballs(name, found.bytes, url);
      if (result.kind !== "rewritten" || dryRun) return { result };
      return { result, bytes: result.bytes, contentType: found.contentType ?? "application/json" };
    },
  });
  if (!updated.ok)
    return failed(
      `it changed ${updated.attempts} times while it was written`,
      "run the command again when less is published",
    );
  const { result } = updated;
  switch (result.kind) {
    case "gone":
      return {};
    case "damaged":
      return failed(result.problem, `codebox verify says more; ${key} was left as it is`);
    case "unchanged":
      output.record({ package: name, versions: 0 });
      return { packages: 1 };
    case "rewritten":
      output.record({ package: name, versions: result.versions, ...(dryRun ? { dryRun } : {}) });
      return { packages: 1, rewritten: 1, versions: result.versions };
  }
}

type Moved = ReturnType<typeof rewriteTarballs> | { readonly kind: "gone" };
