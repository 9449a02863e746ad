import ipaddr from "ipaddr.js";
import * as z from "zod";
import { commaList } from "../settings.ts";

/**
 * A network in CIDR notation, IPv4 or IPv6. A single address counts as the network of this address alone.
 *
 * @example Cidr.parse("10.0.0.0/8") // "10.0.0.0/8"
 * @example Cidr.parse("2001:db8::1") // "2001:db8::1/128"
 */
export const Cidr = z
  .string()
  .max(64, "a network has at most 64 characters")
  .transform((text, context) => {
    const range = ipaddr.isValidCIDR(text) ? text : ipaddr.isValid(text) ? asRange(text) : undefined;
    // "10.1" is an address for the C library; nobody who writes it here means 10.0.0.1.
    if (range !== undefined && (text.includes(":") || text.split(".").length === 4)) return range;
    context.issues.push({
      code: "custom",
      input: text,
      message: `must be a network such as "10.0.0.0/8" or "2001:db8::/32"`,
    });
    return z.NEVER;
  });

/** Networks with commas between, as a setting spells them. */
export const Cidrs = commaList(Cidr);

/**
 * Whether an address is in one of some networks. An IPv4 address that is written as an IPv6 one (`::ffff:10.0.0.1`) counts as IPv4.
 *
 * @example isInNetworks("10.1.2.3", ["10.0.0.0/8"]) // true
 * @param address what is no address is in no network.
 */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const bare = address.replace(/%.*$/, "");
  if (!ipaddr.isValid(bare)) return false;
  const parsed = ipaddr.process(bare);
  return networks.some((network) => {
    const [range, bits] = ipaddr.parseCIDR(network);
    return range.kind() === parsed.kind() && parsed.match(range, bits);
  });
}

/**
 * The address of the client, behind proxies that are trusted to name it.
 *
 * The header is read from its end, where the nearest proxy added what it saw; the first address that is not a trusted proxy's is
 * the client's. What stands before it may be forged. Without trusted proxies the header is not read at all.
 *
 * @example clientAddress("10.0.0.2", "198.51.100.7, 10.0.0.9", ["10.0.0.0/8"]) // "198.51.100.7"
 * @param peer the address of the connection.
 * @param forwarded the header `x-forwarded-for`.
 */
export function clientAddress(
  peer: string | undefined,
  forwarded: string | undefined,
  trusted: readonly string[],
): string | undefined {
  if (peer === undefined || forwarded === undefined || !isInNetworks(peer, trusted)) return peer;
  const hops = forwarded.split(",").map((hop) => hop.trim());
  const client = hops.findLast((hop) => !isInNetworks(hop, trusted)) ?? hops[0];
  return client !== undefined && ipaddr.isValid(client) ? client : peer;
}

function asRange(address: string): string {
  return `${address}/${ipaddr.parse(address).kind() === "ipv4" ? 32 : 128}`;
}
