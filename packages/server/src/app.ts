import {
  createApp,
  createDirect,
  createPasswords,
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
  createAudit,
  createAuditLog,
  createCatalog,
  createInvitations,
  createRelease,
  createSecondFactors,
  createSubmit,
  createTokenUses,
  createUpstreamCache,
  type Clock,
  type Ids,
  type Indexer,
  type LocalBackend,
  type Upstream,
} from "@codebox/core";
import { createWorkloadVerifier } from "@codebox/oidc";
import type { HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";
import { allTokensRoutes } from "./all-tokens-route.ts";
import { auditLogRoutes } from "./audit-route.ts";
import { deadLetterRoutes } from "./dead-letters-route.ts";
import { eventRoutes } from "./events-route.ts";
import { FIRST_USER } from "./first-start.ts";
import { isItself } from "./itself.ts";
import { createPrepare } from "./prepare-thread.ts";
import { watchRevocations } from "./revocations.ts";
import { searchIndexRoutes } from "./search-index-route.ts";
import { MEBIBYTE, type Settings } from "./settings.ts";
import { signInOf } from "./sign-in.ts";
import { invitationRoutes, userRoutes } from "./users-route.ts";
import { webhookRoutes, type WebhookPorts } from "./webhooks-route.ts";

export type AppParts = {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Absent: no upstream. It gets a way to recognise this server, which must not become its own upstream. */
  readonly upstream?: (isItself: (url: string) => boolean) => Upstream;
  /** The machine's addresses. */
  readonly addresses?: readonly string[];
};

/** `host` names this process: no other one makes releases in this store. */
export type Access = Omit<RightsPorts, "reader" | "searchIndex"> & { readonly host: string };

/** The HTTP surface of this process. Its streams end with `stopping`; only requests ask for `ownUrl`. */
export async function appOf(
  backend: LocalBackend,
  { access, indexer }: { readonly access: Access; readonly indexer: Indexer },
  parts: AppParts,
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

const isAnyAddress = (host: string) => host === "0.0.0.0" || host === "::";
