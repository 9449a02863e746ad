import { isRecord, type TokenPage, type TokenStore } from "@codebox/core";
import npmFetch from "npm-registry-fetch";
import { CommandError } from "./errors.ts";

/** npm's settings, with the registry and its token. */
export type RegistryOptions = Readonly<Record<string, unknown>>;

/**
 * Everybody's tokens, over the routes of a running registry: on one machine its data directory belongs to the server.
 *
 * @example const tokens = remoteTokens(async () => (await loadNpmConfig(scope, ["--registry=http://127.0.0.1:4870"])).options);
 */
export function remoteTokens(options: () => Promise<RegistryOptions>): Pick<TokenStore, "list" | "page" | "remove"> {
  const ask = (path: string) => askRegistry(path, options) as Promise<TokenPage>;
  return {
    list: async (user) => (await ask(`/-/tokens?user=${encodeURIComponent(user)}`)).tokens,
    page: (wanted = {}) => ask(`/-/tokens?${new URLSearchParams({ ...wanted }).toString()}`),
    remove: async (hash) => isRecord(await askRegistry(`/-/tokens/${hash}`, options, { method: "DELETE" })),
  };
}

/** Sends a request to the registry. @throws CommandError with what the registry said */
async function askRegistry(
  path: string,
  options: () => Promise<RegistryOptions>,
  request: { readonly method?: string; readonly body?: object } = {},
): Promise<unknown> {
  try {
    return await (await npmFetch(path, { ...(await options()), ...request })).json();
  } catch (error) {
    throw refusal(error);
  }
}

/** What the registry said, in its own words where it has some. */
export function refusal(error: unknown): unknown {
  if (!isRecord(error) || typeof error["statusCode"] !== "number") return error;
  const body = isRecord(error["body"]) ? error["body"] : {};
  const said = typeof body["error"] === "string" ? body["error"] : String(error["message"]);
  const hint = error["statusCode"] === 401 ? '. Put a token into .npmrc ("codebox token add" makes one)' : "";
  return new CommandError(`the registry refused it (${error["statusCode"]}): ${said}${hint}`, { cause: error });
}
