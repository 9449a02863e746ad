import { describe, expect, test } from "vitest";
import { Cidr, clientAddress, isInNetworks } from "../../src/index.ts";

describe("a network", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.0.0.1", "10.0.0.1/32"],
    ["2001:db8::/32", "2001:db8::/32"],
    ["::1", "::1/128"],
  ])("%s is accepted", (text, network) => expect(Cidr.parse(text)).toBe(network));
  test.each(["", "10.0.0.0/33", "10.1", "10.1/8", "2001:db8::/129", "acme.example", "10.0.0.0/8,11.0.0.0/8"])(
    "%j is refused",
    (text) => expect(Cidr.safeParse(text).success).toBe(false),
  );
  test("an IPv4 network holds no IPv6 address, and the other way round", () => {
    expect(isInNetworks("::1", ["0.0.0.0/0"])).toBe(false);
    expect(isInNetworks("10.0.0.1", ["::/0"])).toBe(false);
  });
  test("the zone of a link-local address is not part of it", () => {
    expect(isInNetworks("fe80::1%eth0", ["fe80::/10"])).toBe(true);
  });
});

describe("the client's address", () => {
  const trusted = ["10.0.0.0/8"];
  test("is that of the connection, whatever the header says, unless a trusted proxy sent it", () => {
    expect(clientAddress("198.51.100.1", "10.0.0.1", [])).toBe("198.51.100.1");
    expect(clientAddress("198.51.100.1", "10.0.0.1", trusted)).toBe("198.51.100.1");
  });
  test("is the last one in the header that is no trusted proxy: what stands before it may be forged", () => {
    expect(clientAddress("10.0.0.2", "10.9.9.9, 203.0.113.5, 198.51.100.7, 10.0.0.9", trusted)).toBe("198.51.100.7");
  });
  test("is the first one when all are trusted, and the connection's when the header is nonsense", () => {
    expect(clientAddress("10.0.0.2", "10.0.0.7, 10.0.0.9", trusted)).toBe("10.0.0.7");
    expect(clientAddress("10.0.0.2", "unknown", trusted)).toBe("10.0.0.2");
    expect(clientAddress("10.0.0.2", undefined, trusted)).toBe("10.0.0.2");
  });
});
