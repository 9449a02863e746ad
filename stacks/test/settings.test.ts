import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { settingsOf, SettingsError } from "../settings.ts";
import { synthesise } from "./synthesise.ts";

const ENOUGH = { CODEBOX_SCOPES: "@acme", CODEBOX_UPSTREAM: "none", CODEBOX_ALARM_EMAIL: "none" };

function refusal(stage: string, environment: Record<string, string>): string {
  try {
    settingsOf(stage, environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error("the settings were taken");
}

describe("sign-in providers", () => {
  const stage = { ...ENOUGH, CODEBOX_GITHUB_CLIENT_ID: "Ov23x" };
  test("the functions get the variables as they were given, and never a secret", () => {
    const given = { ...stage, CODEBOX_GITHUB_ORGS: "acme, labs", CODEBOX_GITHUB_CLIENT_SECRET: "hush" };
    expect(settingsOf("production", given).signIn).toEqual({
      github: { CODEBOX_GITHUB_CLIENT_ID: "Ov23x", CODEBOX_GITHUB_ORGS: "acme, labs" },
      oidc: {},
    });
  });
  test("a provider must say who gets in", () => {
    expect(refusal("production", stage)).toContain("CODEBOX_GITHUB_ORGS must list");
    expect(
      refusal("production", { ...ENOUGH, CODEBOX_OIDC_ISSUER: "https://a.example", CODEBOX_OIDC_CLIENT_ID: "x" }),
    ).toContain("CODEBOX_OIDC_GROUPS or CODEBOX_OIDC_DOMAINS");
  });
  test("a provider is asked over https only", () => {
    expect(
      refusal("production", { ...stage, CODEBOX_GITHUB_ORGS: "acme", CODEBOX_GITHUB_URL: "http://a.example" }),
    ).toContain("must be an https URL");
  });
});

describe("settings", () => {
  test("a trial needs none", () => {
    expect(settingsOf("alice", { CODEBOX_TRIAL: "true" })).toEqual({
      stage: "alice",
      trial: true,
      bucket: { kind: "new", kmsKey: undefined },
      domain: undefined,
      scopes: [],
      names: [],
      upstream: undefined,
      trustedIssuers: undefined,
      signIn: { github: {}, oidc: {} },
      tokenDays: { byDefault: 365, most: 0 },
      anonymousRead: false,
      alarmEmail: undefined,
      logDays: "30",
      throttle: { rate: 3_000, burst: 5_000 },
      consumers: 50,
      reserve: false,
      services: "",
      operators: [],
    });
  });

  test.each(["production", "prod", "alice"])("%s is protected unless it says that it is a trial", (stage) => {
    expect(settingsOf(stage, ENOUGH).trial).toBe(false);
    expect(refusal(stage, {})).toContain("CODEBOX_TRIAL=true");
  });

  test("production is never a trial", () => {
    expect(refusal("production", { ...ENOUGH, CODEBOX_TRIAL: "true" })).toContain("production is never a trial");
  });

  test("a protected stage names every one that is missing, at once, and how to set it", () => {
    const message = refusal("production", {});
    expect(message).toContain('The stage "production" cannot be deployed');
    for (const name of [
      "CODEBOX_SCOPES must",
      "CODEBOX_UPSTREAM must",
      "CODEBOX_ALARM_EMAIL must",
      ".env.production",
      "docs/deploy.md",
    ])
      expect(message).toContain(name);
  });

  test("a deployment without them is refused, by that message", async () => {
    await expect(synthesise({ SYNTH_STAGE: "production" })).rejects.toThrow(
      "CODEBOX_UPSTREAM must be the URL of the registry",
    );
  });

  test("production runs with them", () => {
    expect(settingsOf("production", ENOUGH)).toMatchObject({
      trial: false,
      upstream: undefined,
      alarmEmail: undefined,
      reserve: true,
    });
  });

  test("concurrency is reserved in production unless it says otherwise, and elsewhere if it says so", () => {
    expect(settingsOf("production", { ...ENOUGH, CODEBOX_RESERVE: "false" }).reserve).toBe(false);
    expect(settingsOf("alice", { CODEBOX_TRIAL: "true", CODEBOX_RESERVE: "true" }).reserve).toBe(true);
  });

  test("an empty variable is an absent one", () => {
    expect(refusal("production", { ...ENOUGH, CODEBOX_SCOPES: "" })).toContain("CODEBOX_SCOPES must");
  });

  test.each([
    ["CODEBOX_SCOPES", "acme", "scopes separated by commas"],
    ["CODEBOX_BUCKET", "Not_A_Bucket", "not the name of an S3 bucket"],
    ["CODEBOX_KMS_KEY", "alias/mine", "ARN of a KMS key"],
    ["CODEBOX_DOMAIN", "https://npm.acme.example", "without https://"],
    ["CODEBOX_CERTIFICATE", "mine", "ARN of an ACM certificate"],
    ["CODEBOX_UPSTREAM", "http://upstream.example", "https URL, or none"],
    ["CODEBOX_ANONYMOUS_READ", "yes", "true or false"],
    ["CODEBOX_ALARM_EMAIL", "me", "e-mail address, or none"],
    ["CODEBOX_LOG_DAYS", "5", "7, 30, 90 or 365"],
    ["CODEBOX_RATE", "fast", "whole number"],
    ["CODEBOX_BURST", "0", "at least 1"],
    ["CODEBOX_CONSUMERS", "1", "at least 2"],
    ["CODEBOX_CONSUMERS", "1001", "at most 1000"],
    ["CODEBOX_RESERVE", "50", "true or false"],
    ["CODEBOX_BUCKET_SETTINGS", "leave", "keep"],
    ["CODEBOX_SERVICES", "release=AROAEXAMPLE12345:publish", "what each may do"],
    ["CODEBOX_OPERATORS", "alice", "ARNs of IAM roles or users"],
  ])("%s=%s is refused: %s", (name, value, advice) => {
    const message = refusal("trial", { [name]: value });
    expect(message).toContain(name);
    expect(message).toContain(advice);
  });

  test("a setting that applies to another one requires it", () => {
    expect(refusal("trial", { CODEBOX_BUCKET_SETTINGS: "keep" })).toContain("CODEBOX_BUCKET must name");
    const certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/7c9e6679-7425-40de-944b-e07fc1f90ae7";
    expect(refusal("trial", { CODEBOX_CERTIFICATE: certificate })).toContain("CODEBOX_DOMAIN must name");
  });

  test("docs/deploy.md describes each", () => {
    const source = readFileSync(path.resolve(import.meta.dirname, "../settings.ts"), "utf8");
    const document = readFileSync(path.resolve(import.meta.dirname, "../../docs/deploy.md"), "utf8");
    const names = new Set(source.match(/CODEBOX_[A-Z_]+/g)?.filter((name) => name !== "CODEBOX_"));
    expect(names.size).toBe(21);
    for (const name of names) expect(document).toContain(`\`${name}\``);
  });
});
