import type { S3Client } from "@aws-sdk/client-s3";
import type { SQSClient } from "@aws-sdk/client-sqs";
import {
  accountRoutes,
  ApiError,
  createApp,
  distTagRoutes,
  nothingElse,
  packageWriteRoutes,
  packumentRoutes,
  searchRoutes,
  statusRoutes,
  tarballRoutes,
  type ApiPorts,
  type ApiSettings,
  type App,
} from "@codebox/api";
import { createS3ObjectStore, createSignUpload, createSqsChangeQueue } from "@codebox/aws";
import { createStoredOutcomes, createTokenIdentities, createTokenStore } from "@codebox/core";
import {
  createPackumentReader,
  createSubmit,
  createUpstreamCache,
  TARBALL_BYTES_MAX,
  type Clock,
  type Ids,
  type ObjectStore,
  type Submit,
} from "@codebox/core";
import { createHttpUpstream } from "@codebox/upstream";
import { bucketOf } from "./bucket.ts";
import type { ApiEnvironment, Environment } from "./environment.ts";
import { bodyLimit, publishNotice, uploadRoutes } from "./uploads.ts";

/** What does not come from the environment: the clients of the execution environment, and who is told of requests. */
export type ApiParts = {
  readonly s3: S3Client;
  readonly clock: Clock;
  readonly ids: Ids;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
} & Pick<ApiPorts, "onRequest" | "onFailure">;

/** Reading: packuments, tags, tarballs, search, status. Its rights can't change a package. */
export function createReadApp(env: ApiEnvironment, parts: ApiParts): App {
  const ports = portsOf(env, parts, () => refuse);
  const routes = [statusRoutes, searchRoutes, distTagRoutes, nothingElse, tarballRoutes, packumentRoutes];
  return createApp(ports, settingsOf(env), [publishNotice], routes);
}

/** Changing packages: publish, tags, deprecate, unpublish, owners. It queues changes; the consumer applies them. */
export function createWriteApp(env: Environment<"write">, parts: ApiParts & { readonly sqs: SQSClient }): App {
  const { clock, ids, s3, sqs } = parts;
  const ports = portsOf(env, parts, ({ store, reader, outcomes }) => {
    const queue = createSqsChangeQueue({ client: sqs, store }, { queueUrl: env.CODEBOX_QUEUE_URL });
    return createSubmit({ reader, queue, outcomes, clock, ids });
  });
  const uploads = uploadRoutes(createSignUpload(s3, bucketOf(env)));
  return createApp(ports, settingsOf(env), [bodyLimit, uploads], [distTagRoutes, nothingElse, packageWriteRoutes]);
}

/** Tokens and who one is. Its rights reach no package. */
export function createAccountApp(env: ApiEnvironment, parts: ApiParts): App {
  return createApp(
    portsOf(env, parts, () => refuse),
    settingsOf(env),
    [],
    [accountRoutes],
  );
}

/** This function has no right to queue a change. API Gateway routes none to it. */
const refuse: Submit = async () => {
  throw new ApiError("not_found", "this part of the registry only reads; changes are sent with PUT, POST or DELETE");
};

function portsOf(
  env: ApiEnvironment,
  { s3, clock, ids, random, onRequest, onFailure }: ApiParts,
  submitOf: (ports: Pick<ApiPorts, "store" | "reader" | "outcomes">) => Submit,
): ApiPorts {
  const store = createS3ObjectStore(s3, bucketOf(env));
  const reader = createPackumentReader(store);
  const outcomes = createStoredOutcomes({ store, reader, clock, random });
  const tokens = createTokenStore(store);
  return {
    store,
    reader,
    outcomes,
    tokens,
    clock,
    ids,
    submit: submitOf({ store, reader, outcomes }),
    identities: createTokenIdentities(tokens),
    ...(env.CODEBOX_UPSTREAM === undefined ? {} : { upstream: upstreamOf(env, env.CODEBOX_UPSTREAM, store, clock) }),
    ...(onRequest ? { onRequest } : {}),
    ...(onFailure ? { onFailure } : {}),
  };
}

function upstreamOf(env: ApiEnvironment, url: string, store: ObjectStore, clock: Clock) {
  // Shorter than the 29 s of the function: what is cached is served when the upstream is slow.
  const upstream = createHttpUpstream({ url, userAgent: "codebox", clock, timeoutMs: 10_000 });
  return createUpstreamCache({ store, upstream, clock }, { scopes: env.CODEBOX_SCOPES });
}

function settingsOf(env: ApiEnvironment): ApiSettings {
  return {
    ...(env.CODEBOX_PUBLIC_URL === undefined ? {} : { publicUrl: env.CODEBOX_PUBLIC_URL }),
    anonymousRead: env.CODEBOX_ANONYMOUS_READ,
    waitMs: env.CODEBOX_WAIT_MS,
    tarballBytesMax: TARBALL_BYTES_MAX,
  };
}
