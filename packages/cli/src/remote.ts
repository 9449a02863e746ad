import {
  isRecord,
  Rights,
  type AuditLog,
  type AuditPage,
  type Decision,
  type TokenPage,
  type TokenStore,
} from "@codebox/core";
import npmFetch from "npm-registry-fetch";
import type { AccessPort } from "./commands/access.ts";
import type { ShownWebhook, WebhookPort } from "./commands/webhook.ts";
import { refusal, type Options } from "./registry.ts";

/**
 * Everybody's tokens, over the routes of a running registry: on one machine its data directory belongs to the server.
 *
 * @example const tokens = remoteTokens(async () => (await loadNpmConfig(scope, ["--registry=http://127.0.0.1:4870"])).options);
 */
export function remoteTokens(options: () => Promise<Options>): Pick<TokenStore, "list" | "page" | "remove"> {
  const ask = (path: string) => askRegistry(path, options) as Promise<TokenPage>;
  return {
    list: async (user) => (await ask(`/-/tokens?user=${encodeURIComponent(user)}`)).tokens,
    page: (wanted = {}) => ask(`/-/tokens?${new URLSearchParams({ ...wanted }).toString()}`),
    remove: async (hash) => isRecord(await askRegistry(`/-/tokens/${hash}`, options, { method: "DELETE" })),
  };
}

/**
 * The rights of a running registry, for its administrators.
 *
 * @example const access = remoteAccess(async () => (await loadNpmConfig(scope, [`--registry=${url}`])).options);
 */
export function remoteAccess(options: () => Promise<Options>): AccessPort {
  let etag = "";
  return {
    async read() {
      const response = await send("/-/access", options);
      etag = response.headers.get("etag") ?? "";
      return Rights.parse(await response.json());
    },
    replace: async (body) => {
      await send("/-/access", options, { method: "PUT", body, headers: { "if-match": etag } });
    },
    async explain(user, action, name) {
      const query = new URLSearchParams({ user, action, ...(name === undefined ? {} : { package: name }) });
      return (await askRegistry(`/-/access/explain?${query.toString()}`, options)) as Decision;
    },
    compare: async (body) =>
      (await askRegistry("/-/access/compare", options, { method: "POST", body })) as Awaited<
        ReturnType<AccessPort["compare"]>
      >,
  };
}

/** The audit log of a running registry, for its administrators. */
export function remoteAuditLog(options: () => Promise<Options>): Pick<AuditLog, "query"> {
  return {
    query: async (query = {}) =>
      (await askRegistry(`/-/audit?${new URLSearchParams({ ...query }).toString()}`, options)) as AuditPage,
  };
}

/** The webhooks of a running registry, for its administrators. */
export function remoteWebhooks(options: () => Promise<Options>): WebhookPort {
  const ask = async (method: string, path: string, body?: object) =>
    (await askRegistry(`/-/webhooks${path}`, options, { method, ...(body ? { body } : {}) })) as ShownWebhook;
  const of = (id: string) => `/${encodeURIComponent(id)}`;
  return {
    async list() {
      const { webhooks } = (await askRegistry("/-/webhooks", options)) as {
        readonly webhooks: readonly ShownWebhook[];
      };
      return webhooks;
    },
    add: (target) => ask("POST", "", target),
    remove: (id) => ask("DELETE", of(id)),
    rotate: (id) => ask("POST", `${of(id)}/rotate`),
    redeliver: (id, from) => ask("POST", `${of(id)}/redeliver`, from === undefined ? {} : { from }),
  };
}

/**
 * The search index of a running registry, for its administrators: POST builds it again, GET says how far that is.
 *
 * @example await searchIndexOf(options)("POST") // { running: true, packages: 0, complete: true }
 */
export const searchIndexOf =
  (options: () => Promise<Options>) =>
  (method: "GET" | "POST"): Promise<unknown> =>
    askRegistry("/-/search-index", options, { method });

/** Sends a request to the registry. @throws CommandError with what the registry said */
export async function askRegistry(
  path: string,
  options: () => Promise<Options>,
  request: RequestOptions = {},
): Promise<unknown> {
  return (await send(path, options, request)).json();
}

type RequestOptions = {
  readonly method?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
};

async function send(path: string, options: () => Promise<Options>, request: RequestOptions = {}) {
  try {
    return await npmFetch(path, { ...(await options()), ...request });
  } catch (error) {
    throw refusal(error);
  }
}
