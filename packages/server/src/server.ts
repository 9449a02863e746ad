import { setMaxListeners } from "node:events";
import {
  createApp,
  hostCheck,
  registryRoutes,
  type ApiPorts,
  type ApiSettings,
  type App,
  type AppContext,
} from "@codebox/api";
import {
  createCatalog,
  createConsumer,
  createPolicy,
  createSubmit,
  createUpstreamCache,
  createWorker,
  issueToken,
  keepSwept,
  type Clock,
  type Ids,
  type Policy,
  type Upstream,
  type Worker,
} from "@codebox/core";
import type { HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";
import { deadLetterRoutes } from "./dead-letters-route.ts";
import { eventRoutes } from "./events-route.ts";
import { isItself } from "./itself.ts";
import { openListener, type Listener, type ListenerParts } from "./listener.ts";
import { openSqlite, type SqliteBackend } from "@codebox/sqlite";
import type { Settings } from "./settings.ts";

export type ServerParts = {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Absent: no upstream. Told how to recognise this very server, which must not become its own upstream. */
  readonly upstream?: (isItself: (url: string) => boolean) => Upstream;
  /** The machine's addresses. */
  readonly addresses?: readonly string[];
};

export type RunningServer = {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** A token made at this start, printed once. */
  readonly token?: { readonly user: string; readonly token: string };
  /** Stops taking requests, applies what is queued, closes the store. */
  stop(): Promise<void>;
};

/** Groups whose changes are applied at the same time. Their writes share one commit, so more of them cost little. */
const CONCURRENT_GROUPS = 16;

/** The user of the first start's token. Nobody else can take the name. */
const FIRST_USER = "admin";

/**
 * The registry as one process: the HTTP surface, the consumer and the embedded store.
 *
 * @example const server = await startServer({ settings, log, clock: systemClock, ids: systemIds }); await server.stop();
 */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { settings, log, clock, ids } = parts;
  const embedded = await openSqlite({
    directory: settings.data,
    clock,
    registration: settings.registration,
    reserved: [FIRST_USER],
    onFailure: (error) => log.error({ err: error }, "the event log failed"),
  });
  const policy = createPolicy({ anonymousRead: !settings.private });
  const worker = workerOf(embedded, policy, parts);
  const stopping = new AbortController();
  // Every reader of the events listens.
  setMaxListeners(0, stopping.signal);
  // Its own URL is asked for only by requests, which come once it listens.
  const app = appOf(embedded, policy, parts, stopping.signal, () => listener.url);
  const listener = await listen(embedded, { ...settings, fetch: app.fetch, log, clock });
  worker.start();
  const swept = keepSwept({ ...embedded, clock }, stopping.signal, (error) =>
    log.error({ err: error }, "a sweep failed"),
  );
  await tellOfDeadLetters(embedded, log);
  const token = await firstToken(embedded, settings, clock, ids);
  return {
    url: listener.url,
    ...(token ? { token } : {}),
    async stop() {
      stopping.abort();
      await listener.close();
      await worker.drain();
      await swept;
      await embedded.close();
    },
  };
}

function workerOf(embedded: SqliteBackend, policy: Policy, { log, clock }: ServerParts): Worker {
  return createWorker({
    queue: embedded.queue,
    consumer: createConsumer({ ...embedded, policy, clock }),
    concurrency: CONCURRENT_GROUPS,
    onFailure: (error, batch) =>
      log.error(
        { err: error, package: batch.group, changes: batch.messages.length },
        "changes will be delivered again",
      ),
  });
}

function appOf(
  embedded: SqliteBackend,
  policy: Policy,
  parts: ServerParts,
  stopping: AbortSignal,
  ownUrl: () => string,
): App {
  const { settings, log, clock, ids, addresses = [] } = parts;
  const own = { publicUrl: settings.publicUrl, everywhere: isAnyAddress(settings.host), addresses };
  const upstream = parts.upstream?.((url) => isItself(url, { ...own, url: ownUrl() }));
  const cache =
    upstream && createUpstreamCache({ store: embedded.store, upstream, clock }, { scopes: settings.scopes });
  const ports: ApiPorts = {
    ...embedded,
    policy,
    catalog: createCatalog({ reader: embedded.reader, policy, upstream: cache }),
    submit: createSubmit({ ...embedded, policy, clock, ids }),
    clock,
    ids,
    ...(cache ? { upstream: cache } : {}),
    addressOf: remoteAddress,
    onRequest: (entry) => log[entry.method === "GET" || entry.method === "HEAD" ? "debug" : "info"](entry, "request"),
    onFailure: (error, entry) => log.error({ ...entry, err: error }, "request failed"),
  };
  const chosen = apiSettings(settings, addresses);
  return createApp(ports, chosen, [
    ...registryRoutes(ports, chosen),
    eventRoutes(embedded.eventReader, stopping),
    deadLetterRoutes(embedded.deadLetters, clock),
  ]);
}

function apiSettings(settings: Settings, addresses: readonly string[]): ApiSettings {
  return {
    ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
    isKnownHost: hostCheck({
      ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
      hosts: settings.hosts,
      addresses: isAnyAddress(settings.host) ? addresses : [settings.host],
    }),
    waitMs: settings.waitMs,
    tarballBytesMax: settings.maxTarballMb * 1024 * 1024,
  };
}

/** The address of the connection. A proxy's, where there is one: its headers are not believed. */
function remoteAddress(c: AppContext): string | undefined {
  const { incoming } = c.env as Partial<HttpBindings>;
  return incoming?.socket.remoteAddress;
}

async function listen(embedded: SqliteBackend, parts: ListenerParts): Promise<Listener> {
  try {
    return await openListener(parts);
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

const isAnyAddress = (host: string) => host === "0.0.0.0" || host === "::";

async function tellOfDeadLetters({ queue }: SqliteBackend, log: Logger): Promise<void> {
  const changes = (await Array.fromAsync(queue.list())).map(({ id }) => id);
  if (changes.length === 0) return;
  log.warn({ changes }, "these changes could not be applied and are dead letters; GET /-/dead-letters says why");
}

async function firstToken(
  embedded: SqliteBackend,
  { newToken }: Settings,
  clock: Clock,
  ids: Ids,
): Promise<RunningServer["token"]> {
  // Not by whether the directory is new: a first start that failed behind that point would leave nobody a token.
  const user = newToken ?? (embedded.hasTokens() ? undefined : FIRST_USER);
  if (user === undefined) return undefined;
  const created = clock.now().toISOString();
  const token = await issueToken(
    { tokens: embedded.tokens, ids },
    { user, readonly: false, label: "made at start", created },
  );
  return { user, token };
}
