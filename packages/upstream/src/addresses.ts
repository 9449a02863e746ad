import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/**
 * Addresses that a document from outside must not make the registry connect to: loopback, link-local (cloud metadata),
 * private, carrier-grade NAT, unspecified, multicast, and IPv6 forms that a gateway turns into an IPv4 address. Source: IANA special-purpose address registries.
 */
const NOT_PUBLIC = new BlockList();
const RANGES = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
  // With loopback and the unspecified address, and IPv4 inside IPv6 in its oldest form.
  ["::", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const;
for (const [network, prefix] of RANGES) NOT_PUBLIC.addSubnet(network, prefix, network.includes(":") ? "ipv6" : "ipv4");

/**
 * Whether an IP address is not on the public internet. An IPv4 address inside an IPv6 one counts as the IPv4 address.
 *
 * @example isPrivateAddress("169.254.169.254") // true
 */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, "");
  const family = isIP(bare);
  return family !== 0 && NOT_PUBLIC.check(bare, family === 6 ? "ipv6" : "ipv4");
}

/** Whether a host name is, or resolves to, an address that is not public. A name that does not resolve is not. */
export async function isPrivateHost(hostname: string): Promise<boolean> {
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0) return isPrivateAddress(bare);
  try {
    return (await lookup(bare, { all: true })).some(({ address }) => isPrivateAddress(address));
  } catch {
    // The connection that follows fails with the reason.
    return false;
  }
}
