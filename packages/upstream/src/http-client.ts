import { lookup as systemLookup, type LookupAddress } from "node:dns";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import { UpstreamMalformed, UpstreamUnavailable } from "@codebox/core";
import { isPrivateAddress } from "./addresses.ts";

/** Connections kept to an origin. A cold install asks for far more files at once; the others wait here, not at the upstream. */
const CONNECTIONS = 64;

export type Answer = {
  readonly status: number;
  header(name: string): string | undefined;
  /** Decompressed. Must be read to its end, or returned. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Gives the answer up without reading its body. */
  discard(): void;
};
export type ClientRequest = {
  readonly method?: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Refuses addresses that are not public, after DNS. */
  readonly publicOnly?: boolean;
};

/**
 * Sends single requests and follows no redirect. Connections are kept and bounded.
 *
 * @param timeoutMs Milliseconds until an answer must begin, and between two pieces of its body.
 * @throws UpstreamUnavailable when there is no answer. The message has no URL: it may hold credentials.
 */
export function createClient(timeoutMs: number): (url: URL, request: ClientRequest) => Promise<Answer> {
  const agents = (lookup?: typeof publicLookup) => {
    const options = { keepAlive: true, maxSockets: CONNECTIONS, ...(lookup ? { lookup } : {}) };
    return { "http:": new http.Agent(options), "https:": new https.Agent(options) };
  };
  const anywhere = agents();
  const publicOnly = agents(publicLookup);
  const once = (url: URL, request: ClientRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { method = "GET", body, signal } = request;
      const agent = (request.publicOnly ? publicOnly : anywhere)[url.protocol === "https:" ? "https:" : "http:"];
      const headers = { "accept-encoding": "gzip, br", ...request.headers };
      const options = { method, headers, agent, ...(signal ? { signal } : {}) };
      const sent = (url.protocol === "https:" ? https : http).request(url, options, resolve);
      const late = () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      sent.once("response", (answer) => {
        clearTimeout(timer);
        answer.setTimeout(timeoutMs, () => answer.destroy(new Error(`no more bytes within ${timeoutMs} ms`)));
      });
      sent.once("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(sent.reusedSocket && error.code === "ECONNRESET" && method === "GET" ? new StaleConnection() : error);
      });
      sent.end(body);
    });
  return async (url, request) => {
    if (request.publicOnly && isPrivateAddress(url.hostname)) throw privateAddress(url.hostname);
    try {
      return answerOf(await once(url, request).catch((error: unknown) => again(error, () => once(url, request))));
    } catch (error) {
      if (error instanceof UpstreamMalformed) throw error;
      throw new UpstreamUnavailable(reasonOf(error), { cause: error });
    }
  };
}

/** A kept connection that the other side had just closed: it says nothing about the upstream. */
class StaleConnection extends Error {}

function again<T>(error: unknown, retry: () => Promise<T>): Promise<T> {
  if (error instanceof StaleConnection) return retry();
  throw error;
}

function answerOf(answer: IncomingMessage): Answer {
  const header = (name: string) => {
    const value = answer.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  // A body that nobody reads yet may break off: reading it then throws.
  answer.on("error", () => {});
  return {
    status: answer.statusCode ?? 0,
    header,
    body: bytesOf(answer, header("content-encoding")),
    discard: () => void answer.destroy(),
  };
}

async function* bytesOf(answer: IncomingMessage, encoding: string | undefined): AsyncGenerator<Uint8Array> {
  const decoder = encoding === "gzip" ? createGunzip() : encoding === "br" ? createBrotliDecompress() : undefined;
  // The pipeline passes a failure on to the decoder, where reading it throws.
  const body: Readable = decoder ? pipeline(answer, decoder, () => {}) : answer;
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new UpstreamUnavailable(reasonOf(error), { cause: error });
  } finally {
    if (!answer.complete) answer.destroy();
  }
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** The system's look-up, which fails when any address of a name is not public. */
function publicLookup(
  hostname: string,
  options: { readonly all?: boolean | undefined },
  callback: LookupCallback,
): void {
  systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    if (addresses.some(({ address }) => isPrivateAddress(address))) return callback(privateAddress(hostname), []);
    const [first] = addresses;
    return options.all ? callback(null, addresses) : callback(null, first?.address ?? "", first?.family ?? 4);
  });
}

function privateAddress(hostname: string): UpstreamMalformed {
  return new UpstreamMalformed(`${hostname} is at an address that is not public`);
}

/** What went wrong, without the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed";
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
