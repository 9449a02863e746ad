import { ApiError } from "./errors.ts";

/** Which hosts a registry answers for. */
export type KnownHosts = {
  /** Where clients reach the registry. */
  readonly publicUrl?: string;
  /** More host names or addresses, without a port: `registry.internal`. */
  readonly hosts: readonly string[];
  /** The machine's own addresses, when it listens on all of them. */
  readonly addresses: readonly string[];
};

/**
 * Whether a request is for this registry, by its Host header. The port does not count: port mappings change it.
 *
 * A page that a browser loads from elsewhere can make its own name lead to this machine (DNS rebinding). Its requests carry
 * that name, and nobody has configured it.
 *
 * @example hostCheck({ hosts: [], addresses: [] })("127.0.0.1:4870") // true: a loopback name
 */
export function hostCheck({ publicUrl, hosts, addresses }: KnownHosts): (host: string) => boolean {
  const names = [...hosts, ...addresses, ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname])];
  const known = new Set(names.map((name) => bare(name)));
  return (host) => {
    const name = bare(host.replace(/:\d{1,5}$/, ""));
    return known.has(name) || isLoopbackName(name);
  };
}

/** The refusal of a request for another host. Its message says how to make the host known. */
export function misdirected(host: string): ApiError {
  return new ApiError(
    "misdirected",
    `this registry does not answer as "${host.slice(0, 100)}"; start it with --public-url, or with --hosts and this name`,
  );
}

const bare = (name: string) =>
  name
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
}
