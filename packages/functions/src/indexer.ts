import {
  isReadableName,
  isRecord,
  readIndexed,
  walkPackages,
  type IndexedPorts,
  type StoredSearchIndex,
} from "@codebox/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";

export type IndexerParts = {
  readonly index: Pick<StoredSearchIndex, "put" | "rebuild" | "isComplete">;
  readonly store: IndexedPorts["store"];
  readonly log: {
    readonly indexed: (packages: number) => void;
    readonly built: (packages: number) => void;
    readonly failed: (error: unknown) => void;
  };
};

/**
 * Keeps the search index up to date from the events of the topic. An event says which package to read: its document counts, so events
 * may come twice and in any order.
 *
 * An index that is missing is built, for a registry of some 20,000 packages within the function's time; `codebox search rebuild`
 * builds one of any size.
 *
 * A message that is no event fails until it is a dead letter. When the store fails, all messages are delivered again.
 */
export function createIndexHandler({
  index,
  store,
  log,
}: IndexerParts): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const ports = { store, onDamaged: log.failed };
  return async ({ Records }) => {
    const named = Records.map((record) => ({ record, name: nameIn(record) }));
    const names = [...new Set(named.flatMap(({ name }) => name ?? []))];
    const unknown = named.filter(({ name }) => name === undefined).map(({ record }) => record);
    for (const { messageId } of unknown) log.failed(new Error(`the message ${messageId} is no event of a package`));
    try {
      await index.put(await readIndexed(ports, names));
      log.indexed(names.length);
      if (!(await index.isComplete())) {
        let count = 0;
        await index.rebuild(walkPackages(ports, (packages) => (count = packages)));
        log.built(count);
      }
      return failures(unknown);
    } catch (error) {
      log.failed(error);
      return failures(Records);
    }
  };
}

function failures(records: readonly SQSRecord[]): SQSBatchResponse {
  return { batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function nameIn({ body }: SQSRecord): string | undefined {
  try {
    const event: unknown = JSON.parse(body);
    const name = isRecord(event) ? event["name"] : undefined;
    return typeof name === "string" && isReadableName(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
