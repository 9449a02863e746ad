import { ClientError } from "./errors.ts";

/** A registry over HTTP. */
export type Registry = {
  /** Its URL: `https://npm.acme.example`. */
  readonly registry: string;
  /** A token, where reading or changing needs one. */
  readonly token?: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
};

/** How long an answer may take to begin, in milliseconds. The registry waits at most 8 s for the outcome of a change. */
const ANSWER_MS = 30_000;

/**
 * Sends one request. Answers with a status below 500, other than 408 and 429, are returned.
 *
 * @throws ClientError `unavailable`
 */
export async function request(
  { registry, token, fetch: send = fetch }: Registry,
  path: string,
  init: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Response> {
  const { signal, ...rest } = init;
  const headers = { ...rest.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const url = new URL(path.replace(/^\//, ""), registry.endsWith("/") ? registry : `${registry}/`);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS);
  const stop = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  let response: Response;
  try {
    response = await send(url, { ...rest, headers, redirect: "error", signal: stop });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ClientError("unavailable", `${registry} does not answer: ${reasonOf(error)}`, { cause: error });
  } finally {
    // The body may take longer: a stream of events does not end.
    clearTimeout(timer);
  }
  if (response.status < 500 && response.status !== 429 && response.status !== 408) return response;
  await response.body?.cancel();
  throw new ClientError("unavailable", `${registry} answered ${response.status}`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** The text of a refusal: what is wrong and how to fix it. */
export async function refusalOf(response: Response): Promise<{ readonly code: string; readonly error: string }> {
  const body = (await response.json().catch(() => ({}))) as { readonly code?: string; readonly error?: string };
  return { code: body.code ?? "", error: body.error ?? `the registry answered ${response.status}` };
}
