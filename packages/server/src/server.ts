import { setMaxListeners } from "node:events";
import {
  createApp,
  createPasswords,
  createDirect,
  hostCheck,
  registryRoutes,
  type ApiPorts,
  type ApiSettings,
  type App,
  type AppContext,
  type Direct,
  type RightsPorts,
} from "@codebox/api";
import {
  clientAddress,
  createCatalog,
  createAudit,
  createAuditLog,
  createConsumer,
  createIndexer,
  createInvitations,
  createSecondFactors,
  createLivePolicy,
  createRelease,
  createRightsStore,
  createSubmit,
  createTokenUses,
  createUpstreamCache,
  createWorker,
  DEFAULT_RIGHTS,
  issueToken,
  keepSwept,
  LAYOUT,
  type Clock,
  type Ids,
  type Indexer,
  type LocalBackend,
  type OpenBackend,
  type RightsStore,
  type Upstream,
  type Worker,
} from "@codebox/core";
import type { HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";
import { auditLogRoutes } from "./audit-route.ts";
import { allTokensRoutes } from "./all-tokens-route.ts";
import { deadLetterRoutes } from "./dead-letters-route.ts";
import { eventRoutes } from "./events-route.ts";
import { createWorkloadVerifier } from "@codebox/oidc";
import { isItself } from "./itself.ts";
import { searchIndexRoutes } from "./search-index-route.ts";
import { openListener, type Listener, type ListenerParts } from "./listener.ts";
import { createPrepare } from "./prepare-thread.ts";
import { watchRevocations } from "./revocations.ts";
import { webhookRoutes, type WebhookPorts } from "./webhooks-route.ts";
import { openWebhooks } from "./webhooks.ts";
import { invitationRoutes, userRoutes } from "./users-route.ts";
import { openSqlite } from "@codebox/sqlite";
import type { Settings } from "./settings.ts";
import { signInOf } from "./sign-in.ts";

export type ServerParts = {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Absent: no upstream. It gets a way to recognise this server, which must not become its own upstream. */
  readonly upstream?: (isItself: (url: string) => boolean) => Upstream;
  /** Opens the ports. Default: SQLite in the data directory of the settings. */
  readonly open?: OpenBackend;
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

const MEBIBYTE = 1024 * 1024;

/** The user of the first start's token. Nobody else can take the name. */
const FIRST_USER = "admin";

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

/** `host` names this process: no other one makes releases in this store. */
type Access = Omit<RightsPorts, "reader" | "searchIndex"> & { readonly host: string };

/**
 * The rights of this registry. A new one begins with those of `DEFAULT_RIGHTS`; one from before rights keeps what was possible, and
 * warns until an administrator decides.
 */
async function openRights({ store, tokens }: LocalBackend, { log, clock }: ServerParts): Promise<RightsStore> {
  // No other process writes to this store.
  const rights = createRightsStore({ store, clock }, { maxAgeMs: Number.POSITIVE_INFINITY });
  if (await tokens.isEmpty())
    await rights.edit("codebox", (before) => ({
      ok: true,
      spec: before.decided ? before : DEFAULT_RIGHTS,
      what: "a new registry",
      decided: true,
    }));
  if (!(await rights.current()).rights.decided)
    log.warn(
      "nobody has decided who may do what: everybody who is signed in may change every package; docs/access.md says how to decide",
    );
  return rights;
}

async function appOf(
  backend: LocalBackend,
  { access, indexer }: { readonly access: Access; readonly indexer: Indexer },
  parts: ServerParts,
  stopping: AbortSignal,
  ownUrl: () => string,
  webhooks: WebhookPorts,
): Promise<{ readonly app: App; readonly direct: Direct }> {
  const { settings, log, clock, ids, addresses = [] } = parts;
  const own = { publicUrl: settings.publicUrl, everywhere: isAnyAddress(settings.host), addresses };
  const upstream = parts.upstream?.((url) => isItself(url, { ...own, url: ownUrl() }));
  const onFailure = (error: unknown) => log.error({ err: error }, "a copy of the upstream could not be kept");
  const cache =
    upstream &&
    createUpstreamCache(
      { ...backend, upstream, clock, onFailure, prepare: createPrepare() },
      { ...settings, memoryBytes: settings.upstreamMemoryMb * MEBIBYTE },
    );
  const revocations = watchRevocations(backend.tokens, clock);
  const used = createTokenUses({
    tokens: backend.tokens,
    clock,
    onFailure: (error) => log.error({ err: error }, "the last use of a token was not recorded"),
  });
  const auditLog = createAuditLog({ ...backend, ids });
  const ports: ApiPorts = {
    ...backend,
    searchIndex: indexer.fresh,
    tokens: revocations.tokens,
    passwords: createPasswords({ identities: backend.identities, clock }),
    ...(await signInOf({ backend, clock, ids, reserved: [FIRST_USER] }, settings)),
    ...access,
    audit: createAudit({
      log: auditLog,
      clock,
      onFailure: (error) => log.error({ err: error }, "an entry of the audit log was not kept"),
    }),
    factors: createSecondFactors({ ...backend, clock, ids }),
    catalog: createCatalog({ reader: backend.reader, policy: access.policy, upstream: cache }),
    submit: createSubmit({ ...backend, ...access, clock, ids }),
    release: createRelease({ ...backend, ...access, clock, ids }),
    verifier: createWorkloadVerifier({ clock, issuers: settings.trustedIssuers }),
    clock,
    ids,
    ...(cache ? { upstream: cache } : {}),
    addressOf: (c) => addressOf(c, settings),
    onTokenUse: (hash) => void used(hash),
    onRequest: (entry) => log[entry.method === "GET" || entry.method === "HEAD" ? "debug" : "info"](entry, "request"),
    onFailure: (error, entry) => log.error({ ...entry, err: error }, "request failed"),
  };
  const chosen = apiSettings(settings, addresses);
  const invitations = createInvitations({ ...backend, clock, ids });
  const users = {
    ...ports,
    invitations,
    admins: settings.admins,
    addressOf: (c: AppContext) => addressOf(c, settings),
  };
  const app = createApp(ports, chosen, [
    ...registryRoutes(ports, chosen),
    eventRoutes({ ...ports, events: backend.eventReader, watch: revocations.watch }, stopping),
    deadLetterRoutes(backend.deadLetters, backend.reader, clock),
    searchIndexRoutes(indexer),
    allTokensRoutes(revocations.tokens),
    auditLogRoutes(auditLog),
    webhookRoutes(webhooks),
    userRoutes(users),
    invitationRoutes(users),
  ]);
  return { app, direct: createDirect(ports, chosen) };
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
    viewBytes: settings.viewsMb * MEBIBYTE,
    tarballBytesMax: settings.maxTarballMb * MEBIBYTE,
    tokenLifetimes: { defaultDays: settings.tokenDays, maxDays: settings.tokenDaysMax },
  };
}

/** The client's address: that of the connection, or what a trusted proxy says. */
function addressOf(c: AppContext, { trustedProxies }: Settings): string | undefined {
  const { incoming } = c.env as Partial<HttpBindings>;
  return clientAddress(incoming?.socket.remoteAddress, c.req.header("x-forwarded-for"), trustedProxies);
}

async function listen(backend: LocalBackend, parts: ListenerParts): Promise<Listener> {
  try {
    return await openListener(parts);
  } catch (error) {
    await backend.close();
    throw error;
  }
}

const isAnyAddress = (host: string) => host === "0.0.0.0" || host === "::";

async function tellOfDeadLetters({ deadLetters }: LocalBackend, log: Logger): Promise<void> {
  const changes = (await Array.fromAsync(deadLetters.list())).map(({ id }) => id);
  if (changes.length === 0) return;
  log.warn({ changes }, "these changes could not be applied and are dead letters; GET /-/dead-letters says why");
}

async function firstToken(
  backend: LocalBackend,
  { newToken }: Settings,
  clock: Clock,
  ids: Ids,
): Promise<RunningServer["token"]> {
  // Not by whether the directory is new: a first start that failed behind that point would leave nobody a token.
  const user = newToken ?? ((await backend.tokens.isEmpty()) ? FIRST_USER : undefined);
  if (user === undefined) return undefined;
  const created = clock.now().toISOString();
  const token = await issueToken(
    { tokens: backend.tokens, ids },
    { user, readonly: false, label: "made at start", created },
  );
  return { user, token };
}
