import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";

/** Absent fields come from the SDK's own chain: `AWS_REGION`, `AWS_ENDPOINT_URL`, the function's role. */
export type ClientOptions = {
  readonly region?: string;
  /** Another endpoint than AWS's: an emulator's. */
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
};

/** Tries of one request, the first included. More would outlast the client that waits; what still fails is repeated by its caller. */
const ATTEMPTS = 3;

/** Milliseconds to a connection. Inside a region it takes a few; a host that does not answer by then is better left for another. */
const CONNECT_MS = 2_000;

/**
 * Milliseconds a socket may be silent. S3 answers small requests within 200; the slowest single one, completing a multipart
 * upload, sends white space to stay alive. Three attempts of it end before a Lambda of 29 s does.
 */
const SILENT_MS = 6_000;

/** Requests at a time; more wait for a socket. The default of 50 is too few where one process serves many requests. */
const SOCKETS = 200;

/**
 * How every client behaves. "standard" retries with jitter and a token bucket, so that a store in trouble is not hammered;
 * "adaptive" would hold requests back inside the client, which a waiting person sees as a stalled registry.
 */
const common = {
  maxAttempts: ATTEMPTS,
  retryMode: "standard",
  requestHandler: {
    connectionTimeout: CONNECT_MS,
    socketTimeout: SILENT_MS,
    httpAgent: { maxSockets: SOCKETS, keepAlive: true },
    httpsAgent: { maxSockets: SOCKETS, keepAlive: true },
  },
};

/** Make one for an execution environment, outside the handler: its connections are then kept between invocations. */
export function createS3Client(options: ClientOptions = {}): S3Client {
  return new S3Client({ ...common, ...options, ...(options.endpoint === undefined ? {} : { forcePathStyle: true }) });
}

/** As `createS3Client`. Long polling (20 s) is silent for longer than a request may be. */
export function createSqsClient(options: ClientOptions = {}): SQSClient {
  return new SQSClient({ ...common, ...options, requestHandler: { ...common.requestHandler, socketTimeout: 25_000 } });
}

/** As `createS3Client`. */
export function createSnsClient(options: ClientOptions = {}): SNSClient {
  return new SNSClient({ ...common, ...options });
}
