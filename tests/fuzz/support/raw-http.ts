import { connect } from "node:net";

/** What may stand in a request that no client library would write. Values are sent as latin1. */
export type RawRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Uint8Array | undefined;
  /** The connection is closed right after the request: there may be no answer. */
  readonly cut?: boolean;
};
export type RawAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The connection ended before the body did. */
  readonly broken: boolean;
};

/** Milliseconds after which a request that has no answer counts as hung. */
const HUNG_MS = 20_000;

/** Sends a request on a connection of its own. `undefined`: the connection was cut, and there was no answer. */
export function sendRaw(port: number, request: RawRequest): Promise<RawAnswer | undefined> {
  const { method, path, headers, body = new Uint8Array(), cut = false } = request;
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = Buffer.alloc(0);
    const done = (answer: RawAnswer | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      if (answer ?? cut) resolve(answer);
      else reject(new Error(`the connection ended without an answer: ${received.toString("latin1").slice(0, 200)}`));
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error("the request has no answer"));
    }, HUNG_MS);
    socket.on("data", (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      const answer = parseAnswer(received, method, false);
      if (answer) done(answer);
    });
    // A server may refuse a body and close while it is still being sent.
    socket.on("error", () => done(parseAnswer(received, method, true)));
    socket.on("close", () => done(parseAnswer(received, method, true)));
    socket.write(Buffer.concat([head, body]), () => {
      if (cut) socket.end();
    });
  });
}

function parseAnswer(bytes: Buffer, method: string, isEnd: boolean): RawAnswer | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? Number.NaN);
  const rest = bytes.subarray(end + 4);
  if (status === 100) return parseAnswer(rest, method, isEnd);
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const whole = (body: Buffer, broken = false) => ({ status, headers, body, broken });
  // A stream of events never ends.
  if (headers.get("content-type")?.startsWith("text/event-stream")) return whole(Buffer.alloc(0));
  if (method === "HEAD" || status === 204 || status === 304) return whole(Buffer.alloc(0));
  const length = headers.get("content-length");
  if (length !== undefined && rest.length >= Number(length)) return whole(rest.subarray(0, Number(length)));
  if (headers.get("transfer-encoding") === "chunked") {
    const body = unchunked(rest);
    if (body) return whole(body);
  }
  if (!isEnd) return undefined;
  return whole(rest, length !== undefined || headers.has("transfer-encoding"));
}

function unchunked(bytes: Buffer): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
