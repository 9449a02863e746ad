import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";
import {
  accessRoutes,
  accountRoutes,
  auditRoutes,
  contractRoutes,
  createApp,
  createPasswords,
  distTagReadRoutes,
  distTagWriteRoutes,
  exchangeRoutes,
  giveBackRoutes,
  orgReadRoutes,
  orgWriteRoutes,
  ownerRoutes,
  packageWriteRoutes,
  packumentRoutes,
  profileRoutes,
  publicRoutes,
  releaseReadRoutes,
  releaseWriteRoutes,
  ruleReadRoutes,
  ruleWriteRoutes,
  rightsReadRoutes,
  rightsWriteRoutes,
  searchRoutes,
  signatureRoutes,
  signInRoutes,
  signOutRoutes,
  stageReadRoutes,
  stageReviewRoutes,
  stageRoutes,
  statusRoutes,
  tarballRoutes,
  trustReadRoutes,
  trustWriteRoutes,
  undoRoutes,
  tokenRoutes,
  webLoginRoutes,
  withFilter,
  type ApiSettings,
  type App,
  type AppContext,
  type AppPorts,
  type ReadPorts,
  type RightsPorts,
} from "@codebox/api";
import { createBucketPorts, createSignUpload, createSqsChangeQueue } from "@codebox/aws";
import {
  copiesIn,
  createAudit,
  createAuditLog,
  createCatalog,
  createLivePolicy,
  createRelease,
  createRightsStore,
  createStoredSearchIndex,
  createSubmit,
  createTrustStore,
  createTokenUses,
  createUpstreamCache,
  LAYOUT,
  RIGHTS_MAX_AGE_MS,
  type Clock,
  type Ids,
  type ObjectStore,
  type TokenStore,
} from "@codebox/core";
import { createWorkloadVerifier } from "@codebox/oidc";
import { createHttpUpstream } from "@codebox/upstream";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { bucketOf } from "./bucket.ts";
import type { ApiEnvironment, Environment } from "./environment.ts";
import { checksOf, signInOf } from "./sign-in.ts";
import { bodyLimit, publishNotice, UPLOAD_BYTES_MAX, uploadRoutes } from "./uploads.ts";

/** What does not come from the environment: the clients of the execution environment, and where requests are logged. */
export type ApiParts = {
  readonly s3: S3Client;
  readonly clock: Clock;
  readonly ids: Ids;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  /** Called once if nobody has decided who may do what. */
  readonly onUndecided?: () => void;
} & Pick<AppPorts, "onRequest" | "onFailure">;

/** Reading: packuments, tags, tarballs, search, status. It has neither the routes nor the rights to change a package. */
export function createReadApp(env: ApiEnvironment, parts: ApiParts): App {
  const ports = readPortsOf(env, parts);
  return createApp(ports, settingsOf(env), [
    publicRoutes(ports),
    contractRoutes(),
    statusRoutes(ports),
    auditRoutes(ports),
    signatureRoutes(ports),
    searchRoutes(ports),
    accessRoutes(ports),
    orgReadRoutes(ports),
    rightsReadRoutes(ports),
    distTagReadRoutes(ports),
    ruleReadRoutes(ports),
    releaseReadRoutes(ports),
    trustReadRoutes({ ...ports, trust: createTrustStore(ports) }),
    stageReadRoutes(ports),
    tarballRoutes(ports),
    withFilter(packumentRoutes(ports), publishNotice(ports.catalog)),
  ]);
}

/** Changing packages: publish, tags, deprecate, unpublish, owners. It queues changes; the consumer applies them. */
export function createWriteApp(env: Environment<"write">, parts: ApiParts & { readonly sqs: SQSClient }): App {
  const { clock, ids, s3, sqs } = parts;
  const read = readPortsOf(env, parts);
  const queue = createSqsChangeQueue({ client: sqs, store: read.store }, { queueUrl: env.CODEBOX_QUEUE_URL });
  const audit = auditOf(read.store, parts);
  const submitting = { ...read, queue, ids };
  const ports = { ...read, audit, ids, clock, submit: createSubmit(submitting), release: createRelease(submitting) };
  const settings = settingsOf(env);
  const uploads = uploadRoutes({ ...ports, signUpload: createSignUpload(s3, bucketOf(env)) }, settings);
  const writing = [
    distTagWriteRoutes(ports, settings),
    undoRoutes(ports, settings),
    releaseWriteRoutes(ports, settings),
    ruleWriteRoutes(ports, settings),
    packageWriteRoutes(ports, settings),
    stageRoutes(ports, settings),
    stageReviewRoutes(ports, settings),
    ownerRoutes(ports, settings),
    giveBackRoutes(ports, settings),
    orgWriteRoutes(ports),
    rightsWriteRoutes(ports),
    uploads,
    trustWriteRoutes({ ...ports, trust: createTrustStore({ store: read.store, clock }) }),
  ];
  // API Gateway sends no GET here. With the routes for reading, a 405 names all methods of a path.
  return createApp(ports, settings, [
    distTagReadRoutes(ports),
    ruleReadRoutes(ports),
    ...writing.map((group) => withFilter(group, bodyLimit)),
  ]);
}

/** Tokens and profiles. Its rights reach no package. */
export function createAccountApp(env: Environment<"account">, parts: ApiParts): App {
  const { store, tokens, identities } = createBucketPorts(parts.s3, bucketOf(env), parts);
  const { clock } = parts;
  const passwords = createPasswords({ identities, clock });
  const signIn = signInOf(env, { store, identities, clock, ids: parts.ids });
  const audit = auditOf(store, parts);
  const ports = {
    ...appPortsOf(env, parts, { store, tokens }),
    audit,
    ids: parts.ids,
    identities,
    passwords,
    ...signIn,
  };
  const tokenLifetimes = { defaultDays: env.CODEBOX_TOKEN_DAYS, maxDays: env.CODEBOX_TOKEN_DAYS_MAX };
  const settings = { ...settingsOf(env), tokenLifetimes };
  return createApp(ports, settings, [
    signInRoutes(ports, settings),
    webLoginRoutes(ports, settings),
    signOutRoutes(ports),
    accountRoutes(ports),
    tokenRoutes(ports, settings),
    profileRoutes(ports),
    exchangeRoutes({
      ...ports,
      store,
      trust: createTrustStore({ store, clock }),
      verifier: createWorkloadVerifier({ clock, issuers: env.CODEBOX_TRUSTED_ISSUERS }),
    }),
  ]);
}

/** The audit log, for the functions that may add to it: `read` has no such right, since reading writes nothing. */
function auditOf(store: ObjectStore, { ids, clock, onFailure }: ApiParts) {
  return createAudit({
    log: createAuditLog({ store, ids }),
    clock,
    onFailure: (error) => onFailure?.(error, { method: "PUT", path: LAYOUT.audit.prefix }),
  });
}

/** The client's address, as API Gateway saw it. */
function sourceIp(c: AppContext): string | undefined {
  const { event } = c.env as { readonly event?: APIGatewayProxyEventV2 };
  return event?.requestContext?.http?.sourceIp;
}

/** As `request` in the access log: stacks/api.ts. */
function gatewayRequestId(c: AppContext): string | undefined {
  const { event } = c.env as { readonly event?: APIGatewayProxyEventV2 };
  return event?.requestContext?.requestId;
}

function appPortsOf(
  env: ApiEnvironment,
  { clock, random, onRequest, onFailure, onUndecided }: ApiParts,
  { store, tokens }: { readonly store: ObjectStore; readonly tokens: TokenStore },
): AppPorts & Omit<RightsPorts, "reader" | "searchIndex"> {
  const policySettings = { anonymousRead: env.CODEBOX_ANONYMOUS_READ };
  const rights = createRightsStore({ store, clock, random }, { maxAgeMs: RIGHTS_MAX_AGE_MS });
  return {
    tokens,
    policy: createLivePolicy(policySettings, rights, { onUndecided }),
    policySettings,
    rights,
    clock,
    addressOf: sourceIp,
    onTokenUse: createTokenUses({
      tokens,
      clock,
      onFailure: (error) => onFailure?.(error, { method: "", path: "the last use of a token was not recorded" }),
    }),
    requestIdOf: gatewayRequestId,
    ...(onRequest ? { onRequest } : {}),
    ...(onFailure ? { onFailure } : {}),
  };
}

function readPortsOf(env: ApiEnvironment, parts: ApiParts): AppPorts & ReadPorts & RightsPorts {
  const { s3, clock, random } = parts;
  const { store, reader, outcomes, tokens, identities } = createBucketPorts(s3, bucketOf(env), { clock, random });
  const app = { ...appPortsOf(env, parts, { store, tokens }), signIns: checksOf(env, { store, identities, clock }) };
  const upstream =
    env.CODEBOX_UPSTREAM === undefined ? undefined : upstreamOf(env, env.CODEBOX_UPSTREAM, { store, reader }, parts);
  return {
    ...app,
    store,
    reader,
    outcomes,
    searchIndex: createStoredSearchIndex({ store, clock }),
    catalog: createCatalog({ reader, policy: app.policy, upstream }),
    ...(upstream ? { upstream } : {}),
  };
}

function upstreamOf(
  env: ApiEnvironment,
  url: string,
  { store, reader }: Pick<ReadPorts, "store" | "reader">,
  { clock, ...parts }: ApiParts,
) {
  // Shorter than the 25 s of the function, so that a cached copy can be served when the upstream is slow.
  const token = env.CODEBOX_UPSTREAM_TOKEN;
  const credentials = token === undefined ? {} : { token };
  const mebibytes = env.CODEBOX_UPSTREAM_PACKUMENT_MB;
  const limits = mebibytes === undefined ? {} : { packumentBytesMax: mebibytes * 1024 * 1024 };
  const upstream = createHttpUpstream({
    url,
    ...credentials,
    ...limits,
    userAgent: "codebox",
    clock,
    timeoutMs: 10_000,
  });
  const onFailure = (error: unknown) => parts.onFailure?.(error, { method: "PUT", path: LAYOUT.upstream.prefix });
  return createUpstreamCache(
    { store, reader, copies: copiesIn(store), upstream, clock, onFailure },
    { scopes: env.CODEBOX_SCOPES, names: env.CODEBOX_NAMES },
  );
}

function settingsOf(env: ApiEnvironment): ApiSettings {
  return {
    ...(env.CODEBOX_PUBLIC_URL === undefined ? {} : { publicUrl: env.CODEBOX_PUBLIC_URL }),
    waitMs: env.CODEBOX_WAIT_MS,
    tarballBytesMax: UPLOAD_BYTES_MAX,
  };
}
