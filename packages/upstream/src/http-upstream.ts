import { UpstreamUnavailable, type PackumentForm, type Upstream, type UpstreamPackument } from "@codebox/core";

export type HttpUpstreamSettings = {
  /** The registry's URL, or what finds it out when it is first needed. */
  readonly url: string | (() => Promise<string>);
  /** Sent as a bearer token, to the upstream's own origin only. */
  readonly token?: string;
  readonly userAgent: string;
  /** Milliseconds until an answer must have begun. Default: 30 seconds. */
  readonly timeoutMs?: number;
  /** Largest packument, in bytes, uncompressed. Default: 256 MiB. */
  readonly packumentBytesMax?: number;
};

const TIMEOUT_MS = 30_000;
const PACKUMENT_BYTES_MAX = 256 * 1024 * 1024;

const ACCEPT: Readonly<Record<PackumentForm, string>> = {
  full: "application/json",
  abbreviated: "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8",
};

/**
 * The `Upstream` port over HTTP.
 *
 * @example createHttpUpstream({ url: "https://registry.acme.example", userAgent: "codebox" })
 */
export function createHttpUpstream(settings: HttpUpstreamSettings): Upstream {
  const { token, userAgent, timeoutMs = TIMEOUT_MS, packumentBytesMax = PACKUMENT_BYTES_MAX } = settings;
  let found: Promise<URL> | undefined;
  const base = () => (found ??= locate(settings.url).catch((error: unknown) => {
    found = undefined;
    throw error;
  })); // prettier-ignore

  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("user-agent", userAgent);
    if (token !== undefined && url.origin === (await base()).origin) headers.set("authorization", `Bearer ${token}`);
    const begun = new AbortController();
    const timer = setTimeout(() => begun.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await fetch(url, { ...init, headers, signal: begun.signal });
    } catch (error) {
      throw new UpstreamUnavailable(reasonOf(error), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    async packument({ name, form, ifNoneMatch }) {
      const url = new URL(escapeName(name), await base());
      const response = await send(url, {
        headers: { accept: ACCEPT[form], ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }) },
      });
      return readPackument(response, packumentBytesMax);
    },
    async tarball(url) {
      const target = new URL(url, await base());
      if (target.protocol !== "https:" && target.protocol !== "http:")
        throw new UpstreamUnavailable("it names a tarball that is not at an http URL");
      const response = await send(target, { headers: { accept: "application/octet-stream" } });
      if (await isAbsent(response)) return undefined;
      const length = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
      return { ...(length === null ? {} : { size: Number(length) }), body: bytesOf(response) };
    },
    async advisories(packages) {
      const url = new URL("-/npm/v1/security/advisories/bulk", await base());
      const response = await send(url, {
        method: "POST",
        body: JSON.stringify(packages),
        headers: { "content-type": "application/json" },
      });
      if (await isAbsent(response)) return {};
      return response.json();
    },
  };
}

async function locate(url: HttpUpstreamSettings["url"]): Promise<URL> {
  const text = typeof url === "string" ? url : await url();
  return new URL(text.endsWith("/") ? text : `${text}/`);
}

/** npm's own spelling: the slash of a scope is escaped. Source: npm-package-arg, `escapedName`. */
function escapeName(name: string): string {
  return name.startsWith("@") ? `@${encodeURIComponent(name.slice(1))}` : encodeURIComponent(name);
}

async function readPackument(response: Response, bytesMax: number): Promise<UpstreamPackument> {
  if (response.status === 304) return { kind: "not_modified" };
  if (await isAbsent(response)) return { kind: "absent" };
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesOf(response)) {
    size += chunk.byteLength;
    if (size > bytesMax) throw new UpstreamUnavailable(`its packument is over ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const etag = response.headers.get("etag");
  return { kind: "found", bytes: Buffer.concat(chunks), ...(etag === null ? {} : { etag }) };
}

/** Whether the upstream says that there is no such thing. Any other failure throws. */
async function isAbsent(response: Response): Promise<boolean> {
  if (response.ok) return false;
  await response.body?.cancel();
  const { status } = response;
  if (status === 404 || status === 410 || status === 405) return true;
  if (status === 401 || status === 403) throw new UpstreamUnavailable(`it refuses us with ${status}; it needs a token`);
  throw new UpstreamUnavailable(`it answered ${status}`);
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  try {
    if (response.body) yield* response.body;
  } catch (error) {
    throw new UpstreamUnavailable(reasonOf(error), { cause: error });
  }
}

/** What went wrong, without the URL: it may hold credentials. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed";
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return code ?? (error.name === "TypeError" ? "the connection failed" : error.message);
}
