import { setMaxListeners } from "node:events";
import {
  createConsumer,
  createIndexer,
  createLivePolicy,
  createWorker,
  keepSwept,
  LAYOUT,
  type LocalBackend,
  type OpenBackend,
  type Worker,
} from "@codebox/core";
import { openSqlite } from "@codebox/sqlite";
import type { Logger } from "pino";
import { appOf, type Access, type AppParts } from "./app.ts";
import { FIRST_USER, firstToken, openRights, type FirstToken } from "./first-start.ts";
import { openListener, type Listener, type ListenerParts } from "./listener.ts";
import { MEBIBYTE } from "./settings.ts";
import { openWebhooks } from "./webhooks.ts";

export type ServerParts = AppParts & {
  /** Opens the ports. Default: SQLite in the data directory of the settings. */
  readonly open?: OpenBackend;
};

export type RunningServer = {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** A token made at this start, printed once. */
  readonly token?: FirstToken;
  /** Stops taking requests, applies what is queued, closes the store. */
  stop(): Promise<void>;
};

/** Groups whose changes are applied at the same time. Their writes share one commit, so more of them cost little. */
const CONCURRENT_GROUPS = 16;

/**
 * The registry as one process: the HTTP surface, the consumer and the store.
 *
 * @example const server = await startServer({ settings, log, clock: systemClock, ids: systemIds }); await server.stop();
 */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { settings, log, clock, ids } = parts;
  const onWarning = (warning: string) => log.warn(warning);
  const open =
    parts.open ??
    ((options) =>
      openSqlite({
        directory: settings.data,
        memoryBytes: settings.memoryMb * MEBIBYTE,
        documentBytes: settings.documentsMb * MEBIBYTE,
        onWarning,
        ...options,
      }));
  const backend = await open({
    clock,
    registration: settings.registration,
    reserved: [FIRST_USER],
    copyBytesMax: settings.upstreamCacheMb * MEBIBYTE,
    onFailure: (error) => log.error({ err: error }, "a write in the background failed"),
  });
  const rights = await openRights(backend, parts);
  const policySettings = { anonymousRead: !settings.private, admins: settings.admins };
  const policy = createLivePolicy(policySettings, rights);
  const access = { policy, policySettings, rights, host: ids.next() };
  const worker = workerOf(backend, access, parts);
  const stopping = new AbortController();
  // Every reader of the events listens.
  setMaxListeners(0, stopping.signal);
  const indexer = createIndexer({
    ...backend,
    index: backend.searchIndex,
    events: backend.eventReader,
    clock,
    onFailure: (error) => log.error({ err: error }, "the search index is behind; it is tried again"),
  });
  // Its own URL is asked for only by requests, which come once it listens.
  const webhooks = openWebhooks(backend, parts);
  const { app, direct } = await appOf(
    backend,
    { access, indexer },
    parts,
    stopping.signal,
    () => listener.url,
    webhooks,
  );
  const listener = await listen(backend, { ...settings, direct, fetch: app.fetch, log, clock });
  worker.start();
  const days = { [LAYOUT.audit.prefix]: settings.auditDays };
  const delivered = webhooks.delivery.run(stopping.signal);
  const swept = keepSwept({ ...backend, clock, days }, stopping.signal, (error) =>
    log.error({ err: error }, "a sweep failed"),
  );
  const indexed = indexer.run(stopping.signal);
  await tellOfDeadLetters(backend, log);
  const token = await firstToken(backend, settings, clock, ids);
  return {
    url: listener.url,
    ...(token ? { token } : {}),
    async stop() {
      stopping.abort();
      await listener.close();
      await worker.drain();
      await Promise.all([swept, indexed, delivered]);
      await backend.close();
    },
  };
}

function workerOf(backend: LocalBackend, { policy, host }: Access, { settings, log, clock }: ServerParts): Worker {
  return createWorker({
    queue: backend.receiver,
    consumer: createConsumer({ ...backend, policy, clock, host, documentBytes: settings.documentsMb * MEBIBYTE }),
    concurrency: CONCURRENT_GROUPS,
    onFailure: (error, batch) =>
      log.error(
        { err: error, package: batch?.group, changes: batch?.messages.length },
        "changes will be delivered again",
      ),
  });
}

async function listen(backend: LocalBackend, parts: ListenerParts): Promise<Listener> {
  try {
    return await openListener(parts);
  } catch (error) {
    await backend.close();
    throw error;
  }
}

async function tellOfDeadLetters({ deadLetters }: LocalBackend, log: Logger): Promise<void> {
  const changes = (await Array.fromAsync(deadLetters.list())).map(({ id }) => id);
  if (changes.length === 0) return;
  log.warn({ changes }, "these changes could not be applied and are dead letters; GET /-/dead-letters says why");
}
