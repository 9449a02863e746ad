import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ApiError, bareErrorResponse } from "@codebox/api";
import type { Clock } from "@codebox/core";
import { getRequestListener, RequestError, type Http2Bindings, type HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";
import { BOUNDED, boundConnections, endUnreadAfterAnswer } from "./connections.ts";
import { checkTarget } from "./target.ts";

/** How long requests may take to end when the server stops, in milliseconds; then their connections are cut. */
const GRACE_MS = 5_000;
/** How often it is looked, meanwhile, for connections that have become idle, in milliseconds. */
const LOOK_MS = 50;

export type ListenerParts = {
  readonly fetch: (request: Request, bindings: HttpBindings | Http2Bindings) => Response | Promise<Response>;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly log: Logger;
  readonly clock: Clock;
};
export type Listener = {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** Takes no more connections, gives the requests under way a short time, and cuts off what is left. */
  close(): Promise<void>;
};

/** The HTTP server around an app. Resolves once it listens. */
export async function openListener({ fetch, host, port, log, clock }: ListenerParts): Promise<Listener> {
  const running = new Set<Promise<unknown>>();
  const tracked = (request: Request, bindings: HttpBindings | Http2Bindings) => {
    checkTarget(bindings.incoming);
    const response = fetch(request, bindings);
    if (!(response instanceof Promise)) return response;
    const done = response.finally(() => running.delete(done));
    running.add(done);
    return done;
  };
  const handle = getRequestListener(tracked, { errorHandler: (error) => malformed(error, log) });
  // Node's own answer to a request without a Host has no body.
  const server = createServer({ requireHostHeader: false, ...BOUNDED }, (request, response) => {
    endUnreadAfterAnswer(request, response);
    void handle(request, response);
  });
  boundConnections(server);
  server.listen(port, host);
  await once(server, "listening");
  return {
    url: urlOf(server.address() as AddressInfo),
    async close() {
      await closeServer(server, clock);
      // What was cut off comes to its end before the store is closed under it.
      await Promise.race([Promise.allSettled(running), clock.sleep(GRACE_MS)]);
    },
  };
}

async function closeServer(server: Server, clock: Clock): Promise<void> {
  const closed = once(server, "close");
  let open = true;
  server.close(() => (open = false));
  for (let waited = 0; open && waited < GRACE_MS; waited += LOOK_MS) {
    server.closeIdleConnections();
    await Promise.race([closed, clock.sleep(LOOK_MS)]);
  }
  server.closeAllConnections();
  await closed;
}

/** A request that is none for the app: a wrong Host, a backslash in the path, a method without a path. */
function malformed(error: unknown, log: Logger): Response {
  if (!(error instanceof RequestError)) {
    log.error({ err: error }, "request failed");
    const failure = new ApiError("internal", "the registry failed to handle this request; its log says more");
    return bareErrorResponse(failure);
  }
  log.info({ status: 400, reason: error.message }, "malformed request");
  const problem = new ApiError("invalid", `the request can't be read: ${error.message}`);
  return bareErrorResponse(problem);
}

function urlOf({ address, family, port }: AddressInfo): string {
  const host = family === "IPv6" ? `[${address}]` : address;
  return `http://${address === "0.0.0.0" || address === "::" ? "localhost" : host}:${port}`;
}
