import {
  UpstreamMalformed,
  UpstreamRefused,
  UpstreamUnavailable,
  type Clock,
  type PackumentForm,
  type Upstream,
} from "@codebox/core";
import { isPrivateHost } from "./addresses.ts";
import { atMost, createBudget, tooLarge } from "./bodies.ts";
import { createBreaker } from "./breaker.ts";
import { createClient, type Answer } from "./http-client.ts";
import { createServices, escapeName, type Send } from "./services.ts";
import { redirectTarget, tarballTarget } from "./targets.ts";

export type HttpUpstreamSettings = {
  /** The registry's URL, or a function that finds it when it is first needed; `undefined`: there is none, and so no package. */
  readonly url: string | (() => Promise<string | undefined>);
  /** Sent as a bearer token, to the upstream's own origin only. */
  readonly token?: string;
  readonly userAgent: string;
  readonly clock: Pick<Clock, "now">;
  /** Hosts (`cdn.acme.example`, with a port where it is not the scheme's own) besides the upstream's that may serve tarballs. Default: none. */
  readonly tarballHosts?: readonly string[];
  /** Milliseconds until an answer must begin, and between two pieces of it. Default: 30 seconds. */
  readonly timeoutMs?: number;
  /** Largest packument, in bytes, uncompressed. Default: 64 MiB. Four times as much may arrive at the same time. */
  readonly packumentBytesMax?: number;
  /** Largest tarball, in bytes. Default: 1 GiB. */
  readonly tarballBytesMax?: number;
};

const TIMEOUT_MS = 30_000;
/** The largest abbreviated packuments have some 20 MiB. Some full ones have more than this: an operator raises the limit for them. */
const PACKUMENT_BYTES_MAX = 64 * 1024 * 1024;
/** How many of the largest packuments may be in memory while they arrive. */
const PACKUMENTS_AT_ONCE = 4;
/** Twice the largest tarball that is accepted here. */
const TARBALL_BYTES_MAX = 1024 * 1024 * 1024;
/** As fetch's own limit is 20, and a registry needs one or two. */
const REDIRECTS_MAX = 5;

const PACKUMENT = "packument, uncompressed, which CODEBOX_UPSTREAM_PACKUMENT_MB limits,";

const ACCEPT: Readonly<Record<PackumentForm, string>> = {
  full: "application/json",
  abbreviated: "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8",
};

/**
 * The `Upstream` port over HTTP.
 *
 * Tarballs come from the upstream's own origin or a listed host only, whatever a packument or a redirect names
 * (`targets.ts`); a listed host must be at a public address, unless the upstream itself is at a private one. An origin that is
 * down is left alone for a moment (`breaker.ts`).
 *
 * @example createHttpUpstream({ url: "https://registry.acme.example", userAgent: "codebox", clock: systemClock })
 */
export function createHttpUpstream(settings: HttpUpstreamSettings): Upstream {
  const { token, userAgent, tarballHosts = [], timeoutMs = TIMEOUT_MS } = settings;
  const { packumentBytesMax = PACKUMENT_BYTES_MAX, tarballBytesMax = TARBALL_BYTES_MAX } = settings;
  const arriving = createBudget(PACKUMENTS_AT_ONCE * packumentBytesMax);
  const base = once(() => locate(settings.url));
  const isPrivate = once(async () => isPrivateHost((await base())?.hostname ?? ""));
  const breaker = createBreaker(settings.clock);
  const client = createClient(timeoutMs);

  const send: Send = async (root, start, request, lane = "") => {
    let url = start;
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const isOwn = url.origin === root.origin;
      const authorization = token !== undefined && isOwn ? { authorization: `Bearer ${token}` } : {};
      const headers = { ...request.headers, "user-agent": userAgent, ...authorization };
      const publicOnly = !isOwn && !(await isPrivate());
      const target = url;
      const answer = await breaker(`${url.origin}${lane}`, async () =>
        failing(await client(target, { ...request, headers, publicOnly })),
      );
      const location = answer.header("location");
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
      answer.discard();
      url = redirectTarget(location, url, root, tarballHosts);
    }
    throw new UpstreamMalformed(`it redirects more than ${REDIRECTS_MAX} times`);
  };
  const isAbsent = (answer: Answer) => absentOrThrow(answer, token !== undefined);

  return {
    async packument({ name, form, ifNoneMatch }) {
      const root = await base();
      if (!root) return { kind: "absent" };
      const held = ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch };
      const headers = { accept: ACCEPT[form], ...held };
      const answer = await send(root, new URL(escapeName(name), root), { headers });
      if (answer.status === 304) {
        answer.discard();
        return { kind: "not_modified" };
      }
      if (await isAbsent(answer)) return { kind: "absent" };
      const bytes = await arriving(atMost(answer.body, packumentBytesMax, PACKUMENT));
      const etag = answer.header("etag");
      // An upstream may ignore what it is asked for: the form follows what came.
      const sent = answer.header("content-type")?.includes("install-v1") ? "abbreviated" : "full";
      return { kind: "found", bytes, form: sent, ...(etag === undefined ? {} : { etag }) };
    },
    async tarball(named, signal) {
      const root = await base();
      if (!root) return undefined;
      const headers = { accept: "application/octet-stream", "accept-encoding": "identity" };
      const answer = await send(root, tarballTarget(named, root, tarballHosts), { headers, signal });
      if (await isAbsent(answer)) return undefined;
      const length = answer.header("content-encoding") ? undefined : answer.header("content-length");
      if (length !== undefined && Number(length) > tarballBytesMax) {
        answer.discard();
        throw tooLarge("tarball", tarballBytesMax);
      }
      const body = atMost(answer.body, tarballBytesMax, "tarball");
      return { ...(length === undefined ? {} : { size: Number(length) }), body };
    },
    ...createServices({ base, send, isAbsent }),
  };
}

/** Remembers what `find` returned, not that it failed. */
function once<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () =>
    (found ??= find().catch((error: unknown) => {
      found = undefined;
      throw error;
    }));
}

async function locate(url: HttpUpstreamSettings["url"]): Promise<URL | undefined> {
  const text = typeof url === "string" ? url : await url();
  return text === undefined ? undefined : new URL(text.endsWith("/") ? text : `${text}/`);
}

/** An answer that says something about the origin, not about one package, throws. */
async function failing(answer: Answer): Promise<Answer> {
  const { status } = answer;
  if (status < 500 && status !== 429 && status !== 408) return answer;
  answer.discard();
  throw new UpstreamUnavailable(`it answered ${status}`, { answered: status >= 500 });
}

/** Whether the upstream says that there is no such thing. Any other failure throws. */
async function absentOrThrow(answer: Answer, hasToken: boolean): Promise<boolean> {
  const { status } = answer;
  if (status >= 200 && status < 300) return false;
  answer.discard();
  if (status === 404 || status === 410 || status === 405) return true;
  throw new UpstreamRefused(`it answered ${status}${status === 401 || status === 403 ? tokenHint(hasToken) : ""}`);
}

const tokenHint = (hasToken: boolean) =>
  hasToken ? ", and does not take the registry's token" : ", and the registry has no token for it";
