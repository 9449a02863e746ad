import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";
import {
  accountRoutes,
  createApp,
  createBackoff,
  distTagReadRoutes,
  distTagWriteRoutes,
  packageWriteRoutes,
  packumentRoutes,
  publicRoutes,
  searchRoutes,
  signInRoutes,
  statusRoutes,
  tarballRoutes,
  withFilter,
  type ApiSettings,
  type App,
  type AppContext,
  type AppPorts,
  type ReadPorts,
} from "@codebox/api";
import { createBucketPorts, createSignUpload, createSqsChangeQueue } from "@codebox/aws";
import {
  copiesIn,
  createCatalog,
  createPolicy,
  createSubmit,
  createUpstreamCache,
  LAYOUT,
  TARBALL_BYTES_MAX,
  type Clock,
  type Ids,
  type ObjectStore,
  type TokenStore,
} from "@codebox/core";
import { createHttpUpstream } from "@codebox/upstream";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { bucketOf } from "./bucket.ts";
import type { ApiEnvironment, Environment } from "./environment.ts";
import { bodyLimit, publishNotice, uploadRoutes } from "./uploads.ts";

/** What does not come from the environment: the clients of the execution environment, and where requests are logged. */
export type ApiParts = {
  readonly s3: S3Client;
  readonly clock: Clock;
  readonly ids: Ids;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
} & Pick<AppPorts, "onRequest" | "onFailure">;

/** Reading: packuments, tags, tarballs, search, status. It has neither the routes nor the rights to change a package. */
export function createReadApp(env: ApiEnvironment, parts: ApiParts): App {
  const ports = readPortsOf(env, parts);
  return createApp(ports, settingsOf(env), [
    publicRoutes(ports),
    statusRoutes(ports),
    searchRoutes(ports),
    distTagReadRoutes(ports),
    tarballRoutes(ports),
    withFilter(packumentRoutes(ports), publishNotice(ports.catalog)),
  ]);
}

/** Changing packages: publish, tags, deprecate, unpublish, owners. It queues changes; the consumer applies them. */
export function createWriteApp(env: Environment<"write">, parts: ApiParts & { readonly sqs: SQSClient }): App {
  const { clock, ids, s3, sqs } = parts;
  const read = readPortsOf(env, parts);
  const queue = createSqsChangeQueue({ client: sqs, store: read.store }, { queueUrl: env.CODEBOX_QUEUE_URL });
  const ports = { ...read, ids, submit: createSubmit({ ...read, queue, ids }) };
  const settings = settingsOf(env);
  const uploads = uploadRoutes({ ...ports, clock, signUpload: createSignUpload(s3, bucketOf(env)) }, settings);
  const writing = [distTagWriteRoutes(ports, settings), packageWriteRoutes(ports, settings), uploads];
  // API Gateway sends no GET here. With the routes for reading, a 405 names all methods of a path.
  return createApp(ports, settings, [
    distTagReadRoutes(ports),
    ...writing.map((group) => withFilter(group, bodyLimit)),
  ]);
}

/** Tokens and profiles. Its rights reach no package. */
export function createAccountApp(env: ApiEnvironment, parts: ApiParts): App {
  const { tokens, identities } = createBucketPorts(parts.s3, bucketOf(env), parts);
  const ports = { ...appPortsOf(env, parts, tokens), ids: parts.ids, identities };
  const backoff = createBackoff(parts.clock);
  return createApp(ports, settingsOf(env), [signInRoutes(ports, backoff), accountRoutes(ports, backoff)]);
}

/** The client's address, as API Gateway saw it. */
function sourceIp(c: AppContext): string | undefined {
  const { event } = c.env as { readonly event?: APIGatewayProxyEventV2 };
  return event?.requestContext?.http?.sourceIp;
}

function appPortsOf(env: ApiEnvironment, { clock, onRequest, onFailure }: ApiParts, tokens: TokenStore): AppPorts {
  return {
    tokens,
    policy: createPolicy({ anonymousRead: env.CODEBOX_ANONYMOUS_READ }),
    clock,
    addressOf: sourceIp,
    ...(onRequest ? { onRequest } : {}),
    ...(onFailure ? { onFailure } : {}),
  };
}

function readPortsOf(env: ApiEnvironment, parts: ApiParts): AppPorts & ReadPorts {
  const { s3, clock, random } = parts;
  const { store, reader, outcomes, tokens } = createBucketPorts(s3, bucketOf(env), { clock, random });
  const app = appPortsOf(env, parts, tokens);
  const upstream = env.CODEBOX_UPSTREAM === undefined ? undefined : upstreamOf(env, env.CODEBOX_UPSTREAM, store, parts);
  return {
    ...app,
    store,
    reader,
    outcomes,
    catalog: createCatalog({ reader, policy: app.policy, upstream }),
    ...(upstream ? { upstream } : {}),
  };
}

function upstreamOf(env: ApiEnvironment, url: string, store: ObjectStore, { clock, ...parts }: ApiParts) {
  // Shorter than the 25 s of the function, so that a cached copy can be served when the upstream is slow.
  const upstream = createHttpUpstream({ url, userAgent: "codebox", clock, timeoutMs: 10_000 });
  const onFailure = (error: unknown) => parts.onFailure?.(error, { method: "PUT", path: LAYOUT.upstream.prefix });
  return createUpstreamCache(
    { store, copies: copiesIn(store), upstream, clock, onFailure },
    { scopes: env.CODEBOX_SCOPES, names: env.CODEBOX_NAMES },
  );
}

function settingsOf(env: ApiEnvironment): ApiSettings {
  return {
    ...(env.CODEBOX_PUBLIC_URL === undefined ? {} : { publicUrl: env.CODEBOX_PUBLIC_URL }),
    waitMs: env.CODEBOX_WAIT_MS,
    tarballBytesMax: TARBALL_BYTES_MAX,
  };
}
