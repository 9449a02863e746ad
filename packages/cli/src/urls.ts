import { UsageError } from "./errors.ts";

/** An http(s) URL. @throws UsageError naming `what` it should have been. */
export function httpUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.username === "") return url;
  throw new UsageError(
    `"${text}" is no URL of ${what}; give one such as https://npm.acme.example, without credentials`,
  );
}

/**
 * A registry's URL, without a slash at its end.
 *
 * @example registryUrl("https://npm.acme.example/registry/") // "https://npm.acme.example/registry"
 */
export function registryUrl(text: string): string {
  const url = httpUrl(text, "a registry");
  if (url.search !== "" || url.hash !== "")
    throw new UsageError(`"${text}" has a query or a fragment; a registry's URL has neither`);
  return url.href.replace(/\/+$/, "");
}
