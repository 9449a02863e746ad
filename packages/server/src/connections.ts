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
/** How long a connection stays open after an answer before the body has arrived, in milliseconds. npm waits for its end before it shows the answer. */
const LINGER_MS = 2_000;
/** Bytes of the rest of a body that are read and dropped: enough for a client that sends a small one before it reads the answer. */
const LINGER_BYTES = 256 * 1024;

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
 * The connection stays open for a moment, and a part of the rest is read and dropped: closing with bytes unread resets it, and the
 * client would not see the answer. Source: RFC 9112, 9.6.
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

/** Reads and drops a part of the body, and keeps the connection for a moment: Node would close it once the answer is sent. */
function linger(incoming: IncomingMessage): void {
  const { socket } = incoming;
  let dropped = 0;
  // The app's own listeners would pause it. Once it flows here, Node does not drop the rest by itself, however large it is.
  incoming.removeAllListeners("data");
  incoming.on("data", (piece: Uint8Array) => {
    dropped += piece.byteLength;
    if (dropped > LINGER_BYTES) incoming.pause();
  });
  incoming.resume();
  const destroySoon = socket.destroySoon.bind(socket);
  let isLingering = false;
  socket.destroySoon = () => {
    if (isLingering) return;
    isLingering = true;
    if (incoming.complete) return destroySoon();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
    incoming.once("end", destroySoon);
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
