import { S3Client } from "@aws-sdk/client-s3";
import { routesOf } from "@codebox/api";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, startGitHub, type FakeGitHub } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAccountApp, readEnvironment } from "../src/index.ts";
import { checksOf, signInOf } from "../src/sign-in.ts";

let github: FakeGitHub;
let variables: Record<string, string>;
let parts: Parameters<typeof signInOf>[1];
beforeEach(async () => {
  github = await startGitHub();
  github.users.set(1, { id: 1, login: "alice", orgs: { acme: "active" }, teams: ["acme/web"] });
  variables = {
    CODEBOX_BUCKET: "bucket",
    CODEBOX_GITHUB_CLIENT_ID: github.clientId,
    CODEBOX_GITHUB_CLIENT_SECRET: github.clientSecret,
    CODEBOX_GITHUB_ORGS: "acme",
    CODEBOX_GITHUB_URL: github.webUrl,
  };
  parts = { ...createMemoryBackend({ clock: systemClock }), clock: systemClock, ids: systemIds };
});
afterEach(() => github[Symbol.asyncDispose]());

const pagesOf = (env: Record<string, string>) => {
  const s3 = new S3Client({ region: "eu-central-1" });
  const app = createAccountApp(readEnvironment("account", env), { ...parts, s3, random: () => 0 });
  return routesOf(app).filter(({ path }) => path.startsWith("/-/login/"));
};

test("with a provider there is a web login, and no form for passwords; without one there is none", () => {
  expect(pagesOf(variables).map(({ path }) => path)).toContain("/-/login/:id/with/:provider");
  expect(pagesOf(variables).map(({ path }) => path)).not.toContain("/-/login/:id/password");
  expect(pagesOf({ CODEBOX_BUCKET: "bucket" })).toEqual([]);
});
test("a function for packages makes no user by a token of GitHub; the function of accounts does, and then both know it", async () => {
  const token = github.token(1);
  const checks = () => checksOf(readEnvironment("read", variables), parts);
  const before = await parts.store.list("");
  expect(await checks().byToken(token)).toBeUndefined();
  expect(await parts.store.list("")).toEqual(before);
  const { signIns } = signInOf(readEnvironment("account", variables), parts);
  expect(await signIns.byToken(token)).toMatchObject({ name: "alice" });
  expect(await checks().byToken(token)).toMatchObject({ name: "alice", groups: ["github:acme", "github:acme/web"] });
});
test("a token for which somebody signed in at an OpenID Connect provider counts only while that is configured", async () => {
  const signIn = { provider: "oidc", subject: "1", groups: ["oidc:web"] } as const;
  const record = { created: "2026-01-01T00:00:00.000Z", signIn };
  const configured = { ...variables, CODEBOX_OIDC_ISSUER: "https://acme.example" };
  expect(await checksOf(readEnvironment("read", configured), parts).groupsOf(record, "cbx_x")).toEqual(["oidc:web"]);
  expect(await checksOf(readEnvironment("read", variables), parts).groupsOf(record, "cbx_x")).toBeUndefined();
});
test("only the function of accounts reads the secret of the OpenID Connect provider", () => {
  const env = { ...variables, CODEBOX_QUEUE_URL: "https://queue.test/q", CODEBOX_OIDC_CLIENT_SECRET: "hush" };
  for (const name of ["read", "write"] as const)
    expect(JSON.stringify(readEnvironment(name, env))).not.toContain("hush");
  expect(JSON.stringify(readEnvironment("account", env))).toContain("hush");
});
test("a provider that is half configured stops the function at its start", () => {
  const env = readEnvironment("account", { CODEBOX_BUCKET: "bucket", CODEBOX_GITHUB_CLIENT_ID: "x" });
  expect(() => signInOf(env, parts)).toThrow("CODEBOX_GITHUB_CLIENT_SECRET is missing");
});
