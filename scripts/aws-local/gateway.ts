// An API Gateway HTTP API in front of the handlers: payload 2.0, its routing, its limits.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

export type Handler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;
/** Route key (`PUT /{proxy+}`, `$default`) → function, as in stacks/api.ts. */
export type RouteTable = Readonly<Record<string, string>>;

/** Bytes. Source: HTTP API quotas. */
const GATEWAY_BYTES_MAX = 10 * 1024 * 1024;
/** Bytes of the complete event, and of the response. Source: Lambda quotas. */
const LAMBDA_BYTES_MAX = 6 * 1024 * 1024;

export type Gateway = { readonly url: string; close(): Promise<void> };

/** Listens on 127.0.0.1. Creates the handlers when the port is known, because they need their own URL. */
export async function startGateway(
  port: number,
  routes: RouteTable,
  makeHandlers: (url: string) => Readonly<Record<string, Handler>>,
): Promise<Gateway> {
  let handlers: Readonly<Record<string, Handler>> = {};
  const server: Server = createServer((request, response) => {
    answer(request, response, routes, handlers).catch((error: unknown) => {
      // A failure of Lambda itself, with API Gateway's message.
      console.error(error);
      response.writeHead(500, { "content-type": "application/json" }).end('{"message":"Internal Server Error"}');
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  handlers = makeHandlers(url);
  return {
    url,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: RouteTable,
  handlers: Readonly<Record<string, Handler>>,
): Promise<void> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= GATEWAY_BYTES_MAX) chunks.push(chunk);
  }
  const event = eventOf(request, Buffer.concat(chunks));
  if (size > GATEWAY_BYTES_MAX || Buffer.byteLength(JSON.stringify(event)) > LAMBDA_BYTES_MAX) {
    response.writeHead(413, { "content-type": "application/json" }).end('{"message":"Request Entity Too Large"}');
    return;
  }
  const name = routeOf(routes, event.requestContext.http.method, event.rawPath);
  const handler = handlers[name];
  if (!handler) throw new Error(`no function "${name}" is served here`);
  const result = await handler(event);
  const body = Buffer.from(result.body ?? "", result.isBase64Encoded ? "base64" : "utf8");
  if (Buffer.byteLength(result.body ?? "") > LAMBDA_BYTES_MAX) throw new Error("the answer is over Lambda's limit");
  const headers = Object.fromEntries(
    Object.entries(result.headers ?? {}).map(([name, value]) => [name, String(value)]),
  );
  response.writeHead(result.statusCode ?? 200, { ...headers, "content-length": body.byteLength });
  response.end(request.method === "HEAD" ? undefined : body);
}

/**
 * Converts a request as API Gateway does: it decodes the path, joins headers by commas under lower-case names, and encodes a body that is
 * not text as base64.
 *
 * That a body with a `content-encoding` arrives as base64 is an assumption, not from AWS's documentation. The handlers accept text
 * too (`packages/functions/test/gateway.test.ts`).
 */
function eventOf(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
  const { pathname, search } = rawTarget(request.url ?? "/");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(",") : value;
  const type = headers["content-type"] ?? "";
  const isText = headers["content-encoding"] === undefined && /^text\/|json|xml|javascript/.test(type);
  const method = request.method ?? "GET";
  const rawPath = decoded(pathname);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString: search,
    headers,
    requestContext: {
      accountId: "123456789012",
      apiId: "local",
      domainName: headers["host"] ?? "127.0.0.1",
      domainPrefix: "local",
      http: {
        method,
        path: rawPath,
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: String(++requests),
      routeKey: "$default",
      stage: "$default",
      time: "",
      timeEpoch: 0,
    },
    ...(body.byteLength === 0 ? {} : { body: body.toString(isText ? "utf8" : "base64") }),
    isBase64Encoded: body.byteLength > 0 && !isText,
  };
}
let requests = 0;

function rawTarget(target: string): { readonly pathname: string; readonly search: string } {
  const mark = target.indexOf("?");
  return mark < 0
    ? { pathname: target, search: "" }
    : { pathname: target.slice(0, mark), search: target.slice(mark + 1) };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Returns the function of the most specific route: a full match, then the greedy route with the longest path, then `$default`.
 * Source: API Gateway developer guide, "Routing API requests" for HTTP APIs.
 */
function routeOf(routes: RouteTable, method: string, path: string): string {
  let best: { readonly length: number; readonly name: string } | undefined;
  for (const [key, name] of Object.entries(routes)) {
    const [wanted, pattern = ""] = key.split(" ");
    if (wanted !== method && wanted !== "ANY") continue;
    if (isFullMatch(pattern, path)) return name;
    const prefix = pattern.endsWith("/{proxy+}") ? pattern.slice(0, -"{proxy+}".length) : undefined;
    if (prefix === undefined || !path.startsWith(prefix) || path.length === prefix.length) continue;
    if (!best || prefix.length > best.length) best = { length: prefix.length, name };
  }
  return best?.name ?? routes["$default"] ?? "";
}

/** Whether a pattern without a greedy parameter matches. A parameter, such as `{name}`, stands for one segment. */
function isFullMatch(pattern: string, path: string): boolean {
  const [wanted, segments] = [pattern.split("/"), path.split("/")];
  return (
    wanted.length === segments.length &&
    wanted.every((one, index) => one === segments[index] || (/^\{[^+}]+\}$/.test(one) && segments[index] !== ""))
  );
}
