import {
  createStoredSearchIndex,
  isRecord,
  walkPackages,
  type Clock,
  type ObjectStore,
  type RebuildStatus,
} from "@codebox/core";
import { CommandError, Interrupted, type ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";

/** Builds a search index. Returns how many packages it read. */
export type RebuildIndex = (ports: {
  readonly output: Output;
  readonly clock: Pick<Clock, "sleep">;
  readonly signal: AbortSignal;
}) => Promise<{ readonly packages: number; readonly damaged: number }>;

/**
 * Builds the search index again, from the documents of all packages. The registry may run, and what changes meanwhile is kept.
 *
 * @example await rebuildSearch({ rebuild: bucketSearch(store), output, clock, signal });
 * 1 when a document is damaged: its package is left out.
 */
export async function rebuildSearch({
  rebuild,
  ...ports
}: { readonly rebuild: RebuildIndex } & Parameters<RebuildIndex>[0]): Promise<ExitCode> {
  const { packages, damaged } = await rebuild(ports);
  ports.output.summary({ packages, damaged });
  return damaged > 0 ? 1 : 0;
}

/** The index in a bucket: this process reads the documents. */
export const bucketSearch =
  (store: ObjectStore): RebuildIndex =>
  async ({ output, clock, signal }) => {
    let packages = 0;
    let damaged = 0;
    const onDamaged = ({ message }: SyntaxError) => {
      damaged++;
      output.record({ problem: message, fix: "codebox verify says more" }, `${message}: codebox verify says more`);
    };
    const walk = async function* () {
      for await (const step of walkPackages({ store, onDamaged }, (count) => (packages = count))) {
        if (signal.aborted) throw new Interrupted("interrupted; the index is as it was before");
        yield step;
        output.progress(`${packages} packages … ${step.at(-1)?.name ?? ""}`);
      }
    };
    await createStoredSearchIndex({ store, clock }).rebuild(walk());
    return { packages, damaged };
  };

/** How often a running registry is asked how far it is, in milliseconds. */
const ASK_MS = 500;

/** The index of a running registry, which builds it itself and goes on when this command is interrupted. */
export const remoteSearch =
  (ask: (method: "GET" | "POST") => Promise<unknown>): RebuildIndex =>
  async ({ output, clock, signal }) => {
    for (let status = statusIn(await ask("POST")); ; status = statusIn(await ask("GET"))) {
      if (!status.running) {
        if (!status.complete) throw new CommandError("the index could not be built; the registry's log says why");
        return { packages: status.packages, damaged: 0 };
      }
      output.progress(`${status.packages} packages …`);
      await clock.sleep(ASK_MS, signal);
      if (signal.aborted) throw new Interrupted("interrupted; the registry goes on building the index");
    }
  };

function statusIn(value: unknown): RebuildStatus {
  if (isRecord(value) && typeof value["packages"] === "number")
    return { running: value["running"] === true, packages: value["packages"], complete: value["complete"] === true };
  throw new CommandError("the registry's answer says nothing about a search index");
}
