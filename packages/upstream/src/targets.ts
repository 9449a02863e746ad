import { UpstreamMalformed } from "@codebox/core";

/**
 * The URL at which the upstream's tarball is fetched.
 *
 * The upstream's own origin and the listed hosts are used as named. Any other host is replaced by the upstream's, as npm's
 * `replace-registry-host` does: a mirror often passes documents on that name the registry which it mirrors, and a document
 * must not choose which machines the registry connects to. Source: pacote, lib/remote.js.
 *
 * @example tarballTarget("https://elsewhere.example/a/-/a-1.0.0.tgz", new URL("https://mirror.example/npm/"), []).href
 * // "https://mirror.example/npm/a/-/a-1.0.0.tgz"
 * @throws UpstreamMalformed when it is not an http URL.
 */
export function tarballTarget(named: string, upstream: URL, hosts: readonly string[]): URL {
  const url = parse(named, upstream);
  if (url.origin === upstream.origin || hosts.includes(url.host)) return url;
  const path = url.pathname.startsWith(upstream.pathname)
    ? url.pathname
    : `${upstream.pathname}${url.pathname.slice(1)}`;
  return new URL(`${path}${url.search}`, upstream.origin);
}

/**
 * Where a redirect leads, under the same rule. Nothing is replaced here: the upstream itself names the place.
 *
 * @throws UpstreamMalformed when it leads to a host that is not listed, or from https to http.
 */
export function redirectTarget(location: string, from: URL, upstream: URL, hosts: readonly string[]): URL {
  const url = parse(location, from);
  if (from.protocol === "https:" && url.protocol === "http:")
    throw new UpstreamMalformed("it redirects from https to http");
  if (url.origin !== upstream.origin && !hosts.includes(url.host))
    throw new UpstreamMalformed(
      `it redirects to ${url.host}, which is not among the hosts of its tarballs; list it with --upstream-hosts if it is right`,
    );
  return url;
}

function parse(named: string, base: URL): URL {
  const url = URL.parse(named, base.href);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new UpstreamMalformed("it names a tarball that is not at an http URL");
  url.hash = "";
  url.username = "";
  url.password = "";
  return url;
}
