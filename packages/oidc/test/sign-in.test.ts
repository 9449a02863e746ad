import { IdentityUnavailable, OIDC_FIELDS, oidcSettings } from "@codebox/core";
import { browser, manualClock } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { createOidcSignIn } from "../src/index.ts";
import { startProvider, type ProviderServer } from "./provider-server.ts";

const RETURN = "http://127.0.0.1/-/login/return/oidc";
const request = { state: "a state", nonce: "a nonce", verifier: "v".repeat(43), returnUrl: RETURN };
const alice = {
  sub: "248289761001",
  preferred_username: "alice",
  email: "alice@acme.example",
  email_verified: true,
  groups: ["engineering", "registry"],
};
let server: ProviderServer;
beforeEach(async () => {
  server = await startProvider(RETURN);
  server.person = alice;
});
afterEach(() => server[Symbol.asyncDispose]());

const Fields = z.object(OIDC_FIELDS);
function providerOf(more: Partial<z.input<typeof Fields>> = { groups: "registry" }) {
  const { issuer, clientId, clientSecret } = server;
  const configured = oidcSettings(Fields.parse({ issuer, clientId, clientSecret, ...more }));
  if (!configured.ok || !configured.settings) throw new Error("not configured");
  return createOidcSignIn({ settings: configured.settings, clock: manualClock() });
}
/** The browser goes to the provider, and comes back with these parameters. */
async function returned(provider = providerOf()): Promise<URLSearchParams> {
  const page = browser(fetch);
  let url = await provider.authorizeUrl(request);
  while (!url.startsWith(RETURN)) {
    const response = await page.request(url);
    const location = response.headers.get("location");
    if (location === null) throw new Error(`${response.status} ${await response.text()}`);
    url = new URL(location, url).href;
  }
  return new URL(url).searchParams;
}
const finish = async (provider = providerOf()) => provider.finish(await returned(provider), request);

test("a person in a group that may get in signs in: the account is its sub, with all its groups", async () => {
  expect(await finish()).toEqual({
    ok: true,
    account: { subject: "248289761001", name: "alice", groups: ["engineering", "registry"] },
  });
});
test("a provider's answer is for one nonce, state, verifier and code", async () => {
  const provider = providerOf();
  for (const wrong of [{ nonce: "another" }, { state: "another" }, { verifier: "w".repeat(43) }])
    expect(await provider.finish(await returned(provider), { ...request, ...wrong })).toMatchObject({ ok: false });
  const parameters = await returned(provider);
  expect(await provider.finish(parameters, request)).toMatchObject({ ok: true });
  expect(await provider.finish(parameters, request)).toMatchObject({ ok: false });
});
test("an answer of another issuer is refused (mix-up)", async () => {
  const provider = providerOf();
  const parameters = await returned(provider);
  parameters.set("iss", "https://evil.example");
  expect(await provider.finish(parameters, request)).toMatchObject({ ok: false });
});
test("who refuses, or is in no group that may get in, is refused", async () => {
  server.person = { ...alice, groups: ["engineering"] };
  expect(await finish()).toEqual({ ok: false, problem: expect.stringContaining("in no group") });
  server.person = undefined;
  expect(await finish()).toMatchObject({ ok: false });
});
test("groups that are no texts do not count; one text is one group", async () => {
  server.person = { ...alice, groups: [{ toString: "registry" }, 7, ["registry"]] };
  expect(await finish()).toMatchObject({ ok: false });
  server.person = { ...alice, groups: "registry,admins" };
  expect(await finish()).toMatchObject({ ok: false });
  server.person = { ...alice, groups: "registry" };
  expect(await finish()).toMatchObject({ ok: true, account: { groups: ["registry"] } });
});
test("a domain counts only with an address that the provider verified", async () => {
  const byDomain = () => finish(providerOf({ domains: "acme.example" }));
  expect(await byDomain()).toMatchObject({ ok: true });
  for (const wrong of [
    { email_verified: false },
    { email: "alice@evil.example" },
    { email: "alice@acme.example@evil.example" },
    { email: "alice@notacme.example" },
  ]) {
    server.person = { ...alice, ...wrong };
    expect(await byDomain()).toMatchObject({ ok: false });
  }
});
test("everybody gets in where the settings say so, and a person without a name has the address as name", async () => {
  server.person = { sub: "1", email: "bob@acme.example", email_verified: true };
  expect(await finish(providerOf({ groups: "*" }))).toMatchObject({ ok: true, account: { name: "bob@acme.example" } });
});
test("a provider that does not answer is an outage", async () => {
  const provider = providerOf();
  const parameters = await returned(provider);
  server.down = true;
  await expect(provider.finish(parameters, request)).rejects.toThrow(IdentityUnavailable);
  await expect(providerOf().authorizeUrl(request)).rejects.toThrow(IdentityUnavailable);
});
test("the settings must say who gets in", () => {
  const { issuer, clientId, clientSecret } = server;
  const configured = oidcSettings(Fields.parse({ issuer, clientId, clientSecret }));
  expect(configured).toMatchObject({ ok: false, problem: expect.stringContaining("must say who gets in") });
});
