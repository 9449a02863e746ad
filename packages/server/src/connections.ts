import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Most connections. Each takes some 30 KiB, so all of them together some 120 MiB; more are closed as they come. */
const CONNECTIONS_MAX = 4_096;
/** Most connections of one address: behind a proxy, or a translator of addresses, a whole team has one. */
const CONNECTIONS_PER_ADDRESS = 1_024;
/** How long the lines before a body may take to arrive, in milliseconds. */
const HEADERS_MS = 30_000;
/** How long a connection may stand still, in milliseconds: a client that does not read its answer. An open event stream sends more often. */
const IDLE_MS = 2 * 60_000;
/** How often Node looks for requests that are late, in milliseconds. Its own default is as long as `HEADERS_MS`. */
const LOOK_MS = 5_000;
/** How long the rest of a body is read and dropped after its answer, in milliseconds. nginx's `lingering_timeout` is the same. */
const LINGER_MS = 5_000;

/**
 * The settings of an HTTP server that bound who waits: `createServer(BOUNDED, …)`. How long a body may take is decided where it
 * is read (`intake.ts` of the HTTP surface); Node's own five minutes would cut an upload off.
 */
export const BOUNDED = {
  headersTimeout: HEADERS_MS,
  requestTimeout: 0,
  connectionsCheckingInterval: LOOK_MS,
} as const;

/** Bounds a server's connections: how many there are in all and of one address, and how long one may stand still. */
export function boundConnections(server: Server, perAddress: number = CONNECTIONS_PER_ADDRESS): void {
  const byAddress = new Map<string, number>();
  server.maxConnections = CONNECTIONS_MAX;
  server.setTimeout(IDLE_MS);
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "unknown";
    const open = (byAddress.get(address) ?? 0) + 1;
    byAddress.set(address, open);
    socket.once("close", () => {
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
    if (open > perAddress) socket.destroy();
  });
}

/**
 * Makes an answer the last one of its connection when the request's body has not arrived completely by then. Otherwise the client
 * could send its next request just when the connection is given up.
 *
 * The rest of the body is read and dropped for a moment: closing with bytes unread resets the connection, and the client would not
 * see the answer. Source: RFC 9112, 9.6.
 */
export function endUnreadAfterAnswer(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (!hasBody(incoming)) return;
  const writeHead = outgoing.writeHead.bind(outgoing) as (...args: unknown[]) => ServerResponse;
  outgoing.writeHead = (...args: unknown[]) => {
    if (!incoming.complete) {
      outgoing.setHeader("connection", "close");
      linger(incoming);
    }
    return writeHead(...args);
  };
}

/** Node calls `destroySoon` once the answer is sent, and would close at once. */
function linger(incoming: IncomingMessage): void {
  const { socket } = incoming;
  const destroySoon = socket.destroySoon.bind(socket);
  let isLingering = false;
  socket.destroySoon = () => {
    if (isLingering) return;
    isLingering = true;
    socket.end();
    if (incoming.complete) return destroySoon();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
    incoming.once("end", destroySoon);
    // The app's own listeners would pause it again.
    incoming.removeAllListeners("data");
    incoming.on("data", () => {});
    incoming.resume();
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
