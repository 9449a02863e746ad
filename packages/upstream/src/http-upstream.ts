import {
  UpstreamMalformed,
  UpstreamRefused,
  UpstreamUnavailable,
  type PackumentForm,
  type Upstream,
  type UpstreamPackument,
} from "@codebox/core";

export type HttpUpstreamSettings = {
  /** The registry's URL, or what finds it out when it is first needed; `undefined`: there is none, and so no package. */
  readonly url: string | (() => Promise<string | undefined>);
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
  let found: Promise<URL | undefined> | undefined;
  const base = () =>
    (found ??= locate(settings.url).catch((error: unknown) => {
      found = undefined;
      throw error;
    }));

  const send = async (url: URL, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("user-agent", userAgent);
    if (token !== undefined && url.origin === (await base())?.origin) headers.set("authorization", `Bearer ${token}`);
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
  const isAbsent = (response: Response) => absentOrThrow(response, token !== undefined);
  return {
    async packument({ name, form, ifNoneMatch }) {
      const root = await base();
      if (!root) return { kind: "absent" };
      const url = new URL(escapeName(name), root);
      const response = await send(url, {
        headers: { accept: ACCEPT[form], ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }) },
      });
      if (response.status === 304) return { kind: "not_modified" };
      return (await isAbsent(response)) ? { kind: "absent" } : readPackument(response, packumentBytesMax);
    },
    async tarball(url) {
      const root = await base();
      if (!root) return undefined;
      const target = new URL(url, root);
      if (target.protocol !== "https:" && target.protocol !== "http:")
        throw new UpstreamMalformed("it names a tarball that is not at an http URL");
      const response = await send(target, { headers: { accept: "application/octet-stream" } });
      if (await isAbsent(response)) return undefined;
      const length = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
      return { ...(length === null ? {} : { size: Number(length) }), body: bytesOf(response) };
    },
    async advisories(packages) {
      const root = await base();
      if (!root) return {};
      const url = new URL("-/npm/v1/security/advisories/bulk", root);
      const response = await send(url, {
        method: "POST",
        body: JSON.stringify(packages),
        headers: { "content-type": "application/json" },
      });
      return (await isAbsent(response)) ? {} : readJson(response);
    },
  };
}

async function locate(url: HttpUpstreamSettings["url"]): Promise<URL | undefined> {
  const text = typeof url === "string" ? url : await url();
  return text === undefined ? undefined : new URL(text.endsWith("/") ? text : `${text}/`);
}

/** npm's own spelling: the slash of a scope is escaped. Source: npm-package-arg, `escapedName`. */
function escapeName(name: string): string {
  return name.startsWith("@") ? `@${encodeURIComponent(name.slice(1))}` : encodeURIComponent(name);
}

async function readPackument(response: Response, bytesMax: number): Promise<UpstreamPackument> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesOf(response)) {
    size += chunk.byteLength;
    if (size > bytesMax) throw new UpstreamMalformed(`its packument is over ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const etag = response.headers.get("etag");
  return { kind: "found", bytes: Buffer.concat(chunks), ...(etag === null ? {} : { etag }) };
}

async function readJson(response: Response): Promise<unknown> {
  const chunks = await Array.fromAsync(bytesOf(response));
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new UpstreamMalformed("its answer is not JSON");
  }
}

/** Whether the upstream says that there is no such thing. Any other failure throws. */
async function absentOrThrow(response: Response, hasToken: boolean): Promise<boolean> {
  if (response.ok) return false;
  await response.body?.cancel();
  const { status } = response;
  if (status === 404 || status === 410 || status === 405) return true;
  if (status >= 500) throw new UpstreamUnavailable(`it answered ${status}`, { answered: true });
  if (status === 429 || status === 408) throw new UpstreamUnavailable(`it answered ${status}`);
  throw new UpstreamRefused(`it answered ${status}${status === 401 || status === 403 ? tokenHint(hasToken) : ""}`);
}

const tokenHint = (hasToken: boolean) =>
  hasToken ? ", and does not take the registry's token" : ", and the registry has no token for it";

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
