// The complete AWS deployment in one process, over an emulator: the gateway, the functions, the event source mappings.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createS3ObjectStore, type ClientOptions } from "@codebox/aws";
import { createTokenStore } from "@codebox/core";
import { createS3Client, createSnsClient, createSqsClient } from "@codebox/aws";
import { issueToken } from "@codebox/core";
import {
  consumerFunction,
  createAccountApp,
  createReadApp,
  createWriteApp,
  gatewayHandler,
  indexerFunction,
  intakeFunction,
  readEnvironment,
  type ConsumeLog,
} from "@codebox/functions";
import { systemClock, systemIds } from "@codebox/system";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { environmentOf, makeCloud, type Clients, type Cloud, type CloudNames } from "./cloud.ts";
import { startEventSource } from "./event-source.ts";
import { startGateway, type RouteTable } from "./gateway.ts";

const ROUTES_FILE = join(import.meta.dirname, "../../stacks/api.ts");

export type LocalSettings = {
  readonly client: ClientOptions;
  readonly names: CloudNames;
  /** 0 picks a free port. */
  readonly port: number;
  readonly visibilitySeconds?: number;
  /** Additional environment variables of the functions: `CODEBOX_UPSTREAM`. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly log: {
    readonly consume: ConsumeLog;
    readonly onRequest?: (entry: { readonly method: string; readonly path: string; readonly status: number }) => void;
    readonly onFailure: (error: unknown) => void;
  };
  /** Wraps the consumer, for tests that kill it. Default: the consumer itself. */
  readonly consumer?: (
    make: (clients: Clients) => (event: SQSEvent) => Promise<SQSBatchResponse>,
    clients: () => Clients,
  ) => (event: SQSEvent) => Promise<SQSBatchResponse>;
  /** Clients of the functions that serve HTTP, for tests that count requests or make them fail. */
  readonly apiClients?: (clients: Clients) => void;
  /** A function's own clients, for tests that enforce its rights. Default: those of the operator. */
  readonly clientsOf?: (name: FunctionName, cloud: Cloud) => Promise<Clients>;
};
type FunctionName = "read" | "write" | "account" | "consumer" | "intake" | "indexer";

export type LocalRegistry = {
  readonly url: string;
  /** The token of the user `admin`. */
  readonly token: string;
  readonly cloud: Cloud;
  readonly clients: Clients;
  stop(): Promise<void>;
};

export async function startLocalRegistry(settings: LocalSettings): Promise<LocalRegistry> {
  const { client, log } = settings;
  const clients = (): Clients => ({
    s3: createS3Client(client),
    sqs: createSqsClient(client),
    sns: createSnsClient(client),
  });
  const operator = clients();
  const { names, visibilitySeconds } = settings;
  const cloud = await makeCloud(operator, {
    names,
    ...(visibilitySeconds === undefined ? {} : { visibilitySeconds }),
  });
  const { ROUTES } = (await import(pathToFileURL(ROUTES_FILE).href)) as { readonly ROUTES: RouteTable };
  const api = clients();
  settings.apiClients?.(api);
  const clientsOf = async (name: FunctionName, otherwise: () => Clients) =>
    (await settings.clientsOf?.(name, cloud)) ?? otherwise();
  const apiClients = {
    read: await clientsOf("read", () => api),
    write: await clientsOf("write", () => api),
    account: await clientsOf("account", () => api),
  };
  const gateway = await startGateway(settings.port, ROUTES, (url) => handlersOf(settings, cloud, apiClients, url));
  const env = { ...environmentOf(cloud), ...settings.environment };

  const makeConsumer = (own: Clients) =>
    consumerFunction(readEnvironment("consumer", env), { ...own, clock: systemClock, log: log.consume });
  const consumerClients = await clientsOf("consumer", clients);
  const consume = settings.consumer?.(makeConsumer, clients) ?? makeConsumer(consumerClients);
  const intakeEnv = { ...env, CODEBOX_DEAD_LETTERS_URL: cloud.intakeDeadLettersUrl };
  const intakeClients = await clientsOf("intake", clients);
  const intake = intakeFunction(readEnvironment("intake", intakeEnv), {
    ...intakeClients,
    log: intakeLog(log.onFailure),
  });
  const indexerClients = await clientsOf("indexer", clients);
  const indexer = indexerFunction(readEnvironment("indexer", env), {
    ...indexerClients,
    clock: systemClock,
    random: Math.random,
    log: { indexed: () => {}, built: () => {}, failed: log.onFailure },
  });
  // Lambda receives with the function's role.
  const source = (own: Clients) => ({ sqs: (settings.clientsOf ? own : operator).sqs, onError: log.onFailure });
  const sources = [
    startEventSource({ ...source(consumerClients), queueUrl: cloud.queueUrl, handler: consume }),
    startEventSource({ ...source(indexerClients), queueUrl: cloud.indexUrl, handler: indexer }),
    startEventSource({ ...source(intakeClients), queueUrl: cloud.intakeUrl, handler: intake }),
  ];
  const tokens = createTokenStore(createS3ObjectStore(operator.s3, { bucket: cloud.bucket }));
  const created = new Date().toISOString();
  const grant = { user: "admin", readonly: false, label: "made at start", created };
  return {
    url: gateway.url,
    token: await issueToken({ tokens, ids: systemIds }, grant),
    cloud,
    clients: operator,
    async stop() {
      await gateway.close();
      await Promise.all(sources.map((running) => running.stop()));
    },
  };
}

function handlersOf(
  { environment, log }: LocalSettings,
  cloud: Cloud,
  apiClients: Readonly<Record<"read" | "write" | "account", Clients>>,
  url: string,
) {
  const env = { CODEBOX_ANONYMOUS_READ: "true", ...environmentOf(cloud, url), ...environment };
  const parts = {
    clock: systemClock,
    ids: systemIds,
    random: Math.random,
    ...(log.onRequest ? { onRequest: log.onRequest } : {}),
    onFailure: log.onFailure,
  };
  return {
    read: gatewayHandler(createReadApp(readEnvironment("read", env), { ...parts, ...apiClients.read })),
    write: gatewayHandler(createWriteApp(readEnvironment("write", env), { ...parts, ...apiClients.write })),
    account: gatewayHandler(createAccountApp(readEnvironment("account", env), { ...parts, ...apiClients.account })),
  };
}

function intakeLog(onFailure: (error: unknown) => void) {
  return {
    taken: () => {},
    dead: (id: string, reason: string) => onFailure(new Error(`${id}: ${reason}`)),
    failed: onFailure,
  };
}
