import { expect, test } from "vitest";
import { isPrivateAddress } from "../src/addresses.ts";
import { createClient } from "../src/http-client.ts";

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "172.16.0.1",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "[::1]",
  "::ffff:10.0.0.1",
  "fd00::1",
  "fe80::1",
  // The forms of IPv6 that lead to an IPv4 address: compatible, mapped, NAT64, 6to4, Teredo.
  "::127.0.0.1",
  "::ffff:7f00:1",
  "64:ff9b::7f00:1",
  "64:ff9b:1::7f00:1",
  "2002:7f00:1::",
  "2001:0:7f00:1::",
  "fec0::1",
  "100::1",
])("%s is not a public address", (address) => expect(isPrivateAddress(address)).toBe(true));
test.each(["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "registry.acme.example"])(
  "%s is no private address",
  (address) => expect(isPrivateAddress(address)).toBe(false),
);
test.each(["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/", "http://2130706433:1/"])(
  "a request to %s that must be public is refused before it connects",
  async (url) => {
    const send = createClient(1_000);
    await expect(send(new URL(url), { headers: {}, publicOnly: true })).rejects.toThrow("address that is not public");
  },
);
