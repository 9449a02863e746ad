import { IdentityUnavailable } from "@codebox/core";
import { startGitHub, type FakeGitHub } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createGitHub } from "../src/index.ts";

let github: FakeGitHub;
let provider: ReturnType<typeof createGitHub>;
const request = { state: "a state", nonce: "", verifier: "v".repeat(43), returnUrl: "http://registry.test/return" };
beforeEach(async () => {
  github = await startGitHub();
  github.users.set(1, { id: 1, login: "alice", orgs: { acme: "active" }, teams: ["acme/Platform", "other/web"] });
  github.users.set(2, { id: 2, login: "mallory", orgs: { evil: "active", acme: "pending" }, teams: ["acme/platform"] });
  github.person = 1;
  provider = createGitHub({ ...github, orgs: ["Acme".toLowerCase(), "labs"] });
});
afterEach(() => github[Symbol.asyncDispose]());

/** The browser goes to GitHub, and comes back with these parameters. */
async function returned(wanted = request): Promise<URLSearchParams> {
  const response = await fetch(await provider.authorizeUrl(wanted), { redirect: "manual" });
  return new URL(response.headers.get("location") ?? "").searchParams;
}

test("a member signs in: the account is the numeric id, its groups the organisation and the teams in it", async () => {
  const parameters = await returned();
  expect(parameters.get("state")).toBe("a state");
  const result = await provider.finish(parameters, request);
  expect(result).toMatchObject({
    ok: true,
    account: { subject: "1", name: "alice", groups: ["acme", "acme/platform"] },
  });
});
test("the code is for the holder of the PKCE verifier, for one return URL, once", async () => {
  const parameters = await returned();
  expect(await provider.finish(parameters, { ...request, verifier: "w".repeat(43) })).toMatchObject({ ok: false });
  expect(await provider.finish(parameters, request)).toMatchObject({ ok: false });
  const second = await returned();
  expect(await provider.finish(second, { ...request, returnUrl: "http://evil.test" })).toMatchObject({ ok: false });
});
test("who refuses at GitHub is not signed in", async () => {
  github.person = undefined;
  expect(await provider.finish(await returned(), request)).toMatchObject({ ok: false });
});
test("who is no active member of a configured organisation is refused, also with teams of that name", async () => {
  github.person = 2;
  const result = await provider.finish(await returned(), request);
  expect(result).toEqual({ ok: false, problem: expect.stringContaining('"mallory" is not an active member of acme') });
  expect(await provider.check?.(github.token(2))).toMatchObject({ ok: false });
});
test("a personal token and a token of our app are accepted; a token that a person gave to another app is not", async () => {
  expect(await provider.check?.(github.token(1))).toMatchObject({ ok: true, account: { subject: "1" } });
  expect(await provider.check?.(github.token(1, github.clientId))).toMatchObject({ ok: true });
  expect(await provider.check?.(github.token(1, "another app"))).toMatchObject({ ok: false });
  expect(await provider.check?.(`ghp_${"x".repeat(36)}`)).toMatchObject({ ok: false });
});
test("only what has the form of a GitHub token is sent to GitHub", () => {
  for (const token of [
    `ghp_${"a".repeat(36)}`,
    `gho_${"a".repeat(36)}`,
    `github_pat_${"a".repeat(60)}`,
    "a".repeat(40),
  ])
    expect(provider.recognises?.(token)).toBe(true);
  for (const text of ["cbx_abc", "ghp_", "ghp_../../x", "A".repeat(40), "a password", `ghp_${"a".repeat(300)}`])
    expect(provider.recognises?.(text)).toBe(false);
});
test("revoking ends a token of our app, and leaves a personal one", async () => {
  const [ours, personal] = [github.token(1, github.clientId), github.token(1)];
  await provider.revoke?.(ours);
  await provider.revoke?.(personal);
  expect([github.tokens.has(ours), github.tokens.has(personal)]).toEqual([false, true]);
});
test.each(["down", "limited"] as const)("a GitHub that is %s is an outage, not a refusal", async (mode) => {
  const parameters = await returned();
  github.mode = mode;
  await expect(provider.finish(parameters, request)).rejects.toThrow(IdentityUnavailable);
  await expect(provider.check?.(github.token(1))).rejects.toThrow(IdentityUnavailable);
});
test("a GitHub that cannot be reached is an outage", async () => {
  await github[Symbol.asyncDispose]();
  await expect(provider.check?.(`ghp_${"x".repeat(36)}`)).rejects.toThrow(IdentityUnavailable);
});
test("teams are read over several pages", async () => {
  const teams = Array.from({ length: 130 }, (_, index) => `acme/team-${index}`);
  github.users.set(1, { id: 1, login: "alice", orgs: { acme: "active" }, teams });
  const result = await provider.check?.(github.token(1));
  expect(result?.ok && result.account.groups).toHaveLength(131);
});
test("the client secret and tokens are in no URL", async () => {
  expect(await provider.authorizeUrl(request)).not.toContain("secret");
  await provider.check?.(github.token(1, github.clientId));
  for (const asked of github.requests) expect(asked).not.toMatch(/gh[op]_/);
});
