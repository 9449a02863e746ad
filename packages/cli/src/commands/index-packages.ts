import {
  exists,
  highestVersion,
  own,
  packageOfKey,
  parsePackument,
  PUBLISH_FIELDS,
  type ObjectInfo,
  type ObjectStore,
  type Packument,
} from "@codebox/core";
import type { Checkpoint, Totals } from "../checkpoint.ts";
import type { ExitCode } from "../errors.ts";
import type { LogEvent, SendEvent } from "../insights.ts";
import { reportFailed, tellRefused, type Output } from "../output.ts";
import { walk, walkDocuments, type Placed } from "../walk.ts";

export type IndexPorts = {
  readonly store: Pick<ObjectStore, "get" | "list">;
  readonly send: SendEvent;
  readonly output: Output;
  readonly checkpoint: Checkpoint;
  readonly signal: AbortSignal;
};
export type IndexSettings = {
  readonly bucket: string;
  readonly url: string;
  readonly dryRun: boolean;
  /** Packages that are sent at a time. */
  readonly concurrency: number;
};

/**
 * Sends every package's latest version to an endpoint, as the log event that the predecessor made of a publish.
 *
 * @example await indexPackages(ports, { bucket: "acme-registry", url: "https://insights.acme.example/logs", dryRun: false, concurrency: 4 });
 * At least once: a run that continues after a crash may send a few again. 1 when a document is damaged, or an event was refused.
 */
export async function indexPackages(ports: IndexPorts, settings: IndexSettings): Promise<ExitCode> {
  const { store, output, checkpoint, signal } = ports;
  const { bucket, url, dryRun, concurrency } = settings;
  const { totals, resumed } = await walk<Placed>({
    items: (from) => walkDocuments(store, from),
    checkpoint,
    concurrency,
    signal,
    work: ({ object }) => sendLatest(ports, settings, object),
    refused: ({ object }, problem) => tellRefused(output, object.key, problem),
    onProgress: ({ sent = 0 }, key) => output.progress(`${sent} sent … ${key}`),
  });
  const { sent = 0, empty = 0, failed = 0 } = totals;
  output.summary({ bucket, url, sent, withoutVersions: empty, failed, dryRun, resumed });
  return failed > 0 ? 1 : 0;
}

async function sendLatest(
  { store, send, output, signal }: IndexPorts,
  { dryRun }: IndexSettings,
  { key, modified }: ObjectInfo,
): Promise<Totals> {
  const name = packageOfKey(key) ?? "";
  const failed = (problem: string, fix: string): Totals => {
    reportFailed(output, { package: name }, problem, fix);
    return { failed: 1 };
  };
  const found = await store.get(key);
  if (found?.notModified !== false) return {};
  let packument: Packument;
  try {
    packument = parsePackument(name, found.bytes);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return failed(`its document is damaged: ${error.message.slice(0, 200)}`, "codebox verify says more");
  }
  const event = eventOfLatest(packument, modified);
  if (!event) return { empty: 1 };
  const { version } = event.body;
  if (dryRun) {
    output.record({ package: name, version, dryRun, event });
    return { sent: 1 };
  }
  const refused = await send(event, signal);
  if (refused !== undefined)
    return failed(`the event was refused: ${refused}`, "check --url, and the client id and secret");
  output.record({ package: name, version });
  return { sent: 1 };
}

/**
 * The log event of a package's latest version; nothing when it has no versions.
 *
 * @example eventOfLatest(packument, new Date()) // { namespace: "info:package:put", body: { name: "wire", version: "1.0.0", … }, … }
 * @param modified when the document was written: the time of a version that has none of its own.
 */
function eventOfLatest(packument: Packument, modified: Date): LogEvent | undefined {
  if (!exists(packument)) return undefined;
  const { name, versions } = packument;
  const tagged = own(packument["dist-tags"], "latest");
  const version = tagged !== undefined && own(versions, tagged) ? tagged : highestVersion(Object.keys(versions));
  const manifest = version === undefined ? undefined : own(versions, version);
  if (version === undefined || !manifest) return undefined;
  const body: Record<string, unknown> = { name, version };
  for (const field of PUBLISH_FIELDS) if (manifest[field] !== undefined) body[field] = manifest[field];
  body["dist-tags"] = packument["dist-tags"];
  const timestamp = own(packument.time, version) ?? modified.toISOString();
  return { timestamp, level: "info", namespace: "info:package:put", command: { name: "index", args: [name] }, body };
}
