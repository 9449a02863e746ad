import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createApp, type ApiSettings } from "@codebox/api";
import {
  createConsumer, createPackumentReader, createSubmit, createUpstreamCache, issueToken,
  type Clock, type Ids, type Upstream,
} from "@codebox/core"; // prettier-ignore
import { createAdaptorServer } from "@hono/node-server";
import type { Logger } from "pino";
import { eventRoutes } from "./events-route.ts";
import { openEmbedded, type Embedded } from "./open.ts";
import type { Settings } from "./settings.ts";
import { sweepStaging } from "./sweep.ts";
import { createWorker } from "./worker.ts";

export type ServerParts = {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Absent: no upstream. */
  readonly upstream?: Upstream;
};

export type RunningServer = {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** A token made at this start, printed once. */
  readonly token?: { readonly user: string; readonly token: string };
  /** Stops taking requests, applies what is queued, closes the store. */
  stop(): Promise<void>;
};

/** How long a request may take to arrive, in milliseconds: the largest tarball over a slow line. Node's own five minutes cut it off. */
const UPLOAD_MS = 60 * 60 * 1000;

/** Groups whose changes are applied at the same time. Their writes share one commit, so more of them cost little. */
const CONCURRENT_GROUPS = 16;

/** The user of the first start's token. Nobody else can take the name. */
const FIRST_USER = "admin";

/**
 * The registry as one process: the HTTP surface, the consumer and the embedded store.
 *
 * @example const server = await startServer({ settings, log, clock: systemClock, ids: systemIds }); await server.stop();
 */
export async function startServer({ settings, log, clock, ids, upstream }: ServerParts): Promise<RunningServer> {
  const embedded = await openEmbedded({
    directory: settings.data,
    clock,
    registration: settings.registration,
    reserved: [FIRST_USER],
    onFailure: (error) => log.error({ err: error }, "the event log failed"),
  });
  await sweepStaging(embedded.store, clock);
  const reader = createPackumentReader(embedded.store);
  const consumer = createConsumer({ ...embedded, reader, clock });
  const worker = createWorker({
    queue: embedded.queue,
    consumer,
    concurrency: CONCURRENT_GROUPS,
    onFailure: (error, batch) =>
      log.error(
        { err: error, package: batch.group, changes: batch.messages.length },
        "changes will be delivered again",
      ),
  });
  const submit = createSubmit({ reader, queue: embedded.queue, outcomes: embedded.outcomes, clock, ids });
  const stopping = new AbortController();
  const app = createApp(
    {
      store: embedded.store, reader, submit, outcomes: embedded.outcomes, identities: embedded.identities,
      tokens: embedded.tokens, clock, ids,
      ...(upstream ? { upstream: createUpstreamCache({ store: embedded.store, upstream, clock }, { scopes: settings.scopes }) } : {}),
      onRequest: (entry) => log[entry.method === "GET" || entry.method === "HEAD" ? "debug" : "info"](entry, "request"),
      onFailure: (error, entry) => log.error({ ...entry, err: error }, "request failed"),
    },
    apiSettings(settings),
    [eventRoutes(embedded.events, stopping.signal)],
  ); // prettier-ignore
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.requestTimeout = UPLOAD_MS;
  try {
    await listen(server, settings);
  } catch (error) {
    await embedded.close();
    throw error;
  }
  worker.start();
  const token = await firstToken(embedded, settings, clock, ids);
  return {
    url: urlOf(server.address() as AddressInfo),
    ...(token ? { token } : {}),
    async stop() {
      stopping.abort();
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await closed;
      await worker.drain();
      await embedded.close();
    },
  };
}

function apiSettings(settings: Settings): ApiSettings {
  return {
    ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
    anonymousRead: !settings.private,
    waitMs: settings.waitMs,
    tarballBytesMax: settings.maxTarballMb * 1024 * 1024,
  };
}

async function listen(server: Server, { host, port }: Settings): Promise<void> {
  server.listen(port, host);
  await once(server, "listening");
}

function urlOf({ address, family, port }: AddressInfo): string {
  const host = family === "IPv6" ? `[${address}]` : address;
  return `http://${address === "0.0.0.0" || address === "::" ? "localhost" : host}:${port}`;
}

async function firstToken(
  embedded: Embedded,
  { newToken }: Settings,
  clock: Clock,
  ids: Ids,
): Promise<RunningServer["token"]> {
  const user = newToken ?? (embedded.isNew ? FIRST_USER : undefined);
  if (user === undefined) return undefined;
  const created = clock.now().toISOString();
  const token = await issueToken(
    { tokens: embedded.tokens, ids },
    { user, readonly: false, label: "made at start", created },
  );
  return { user, token };
}
