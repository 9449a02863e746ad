/** Where this server can be reached. */
export type OwnPlaces = {
  /** Where it listens. */
  readonly url: string;
  readonly publicUrl?: string | undefined;
  /** It listens on every address of the machine. */
  readonly everywhere?: boolean;
  /** The machine's addresses. */
  readonly addresses: readonly string[];
};

/**
 * Whether a URL leads to this very server.
 *
 * npm's registry is the default upstream, and users of this registry have npm configured to ask it: it would then ask
 * itself for every package that is not here, and that request itself again.
 */
export function isItself(url: string, { url: own, publicUrl, everywhere = false, addresses }: OwnPlaces): boolean {
  const asked = URL.parse(url);
  const listening = URL.parse(own);
  if (!asked || !listening) return false;
  if (publicUrl !== undefined && asked.origin === new URL(publicUrl).origin) return true;
  if (asked.protocol !== listening.protocol || asked.port !== listening.port) return false;
  const host = bare(asked.hostname);
  const here = bare(listening.hostname);
  if (host === here) return true;
  return isLoopback(host) ? everywhere || isLoopback(here) : everywhere && addresses.includes(host);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** An IPv6 address is in brackets in a URL. */
const bare = (hostname: string) => hostname.replace(/^\[(.*)\]$/, "$1");
