import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { NodeHttpHandler } from "@smithy/node-http-handler";

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
 * Milliseconds a socket may be silent; the SDK begins to watch a request after three seconds. S3 answers small ones within 200 ms,
 * and completing a multipart upload sends white space to stay alive. Three attempts end before a Lambda of 29 s does.
 */
const SILENT_MS = 6_000;

/**
 * The same for a copy of up to 512 MB. S3 says 200 early and the outcome at the end, an error too, which the SDK finds and treats
 * as a 503; nothing says how often it is heard meanwhile. One attempt ends before the consumer's 30 s do. Source: Amazon S3 API
 * Reference, CopyObject, "Response and special errors".
 */
const COPY_SILENT_MS = 20_000;

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

/** The SDK's, which knows no time-out of a single operation. */
class S3HttpHandler extends NodeHttpHandler {
  readonly #copies = new NodeHttpHandler({ ...common.requestHandler, socketTimeout: COPY_SILENT_MS });

  override handle(...[request, options]: Parameters<NodeHttpHandler["handle"]>): ReturnType<NodeHttpHandler["handle"]> {
    return "x-amz-copy-source" in request.headers
      ? this.#copies.handle(request, options)
      : super.handle(request, options);
  }

  override destroy(): void {
    this.#copies.destroy();
    super.destroy();
  }
}

/** Make one for an execution environment, outside the handler: its connections are then kept between invocations. */
export function createS3Client(options: ClientOptions = {}): S3Client {
  const requestHandler = new S3HttpHandler(common.requestHandler);
  const pathStyle = options.endpoint === undefined ? {} : { forcePathStyle: true };
  return new S3Client({ ...common, requestHandler, ...options, ...pathStyle });
}

/** As `createS3Client`. Long polling (20 s) is silent for longer than a request may be. */
export function createSqsClient(options: ClientOptions = {}): SQSClient {
  return new SQSClient({ ...common, ...options, requestHandler: { ...common.requestHandler, socketTimeout: 25_000 } });
}

/** As `createS3Client`. */
export function createSnsClient(options: ClientOptions = {}): SNSClient {
  return new SNSClient({ ...common, ...options });
}
