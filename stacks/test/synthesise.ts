import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import type { Synthesis } from "./resources.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);

export const KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/0f8fad5b-d9cb-469f-a165-70867728950e";
export const CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/7c9e6679-7425-40de-944b-e07fc1f90ae7";
const PRODUCTION = {
  SYNTH_STAGE: "production",
  CODEBOX_SCOPES: "@acme,@acme-labs",
  CODEBOX_UPSTREAM: "https://upstream.example",
  CODEBOX_ALARM_EMAIL: "ops@acme.example",
};

/** The deployments that the tests look at. */
const VARIANTS = {
  trial: { SYNTH_STAGE: "trial", CODEBOX_TRIAL: "true" },
  developed: { SYNTH_STAGE: "trial", CODEBOX_TRIAL: "true", SYNTH_DEV: "true" },
  production: {
    ...PRODUCTION,
    CODEBOX_DOMAIN: "npm.acme.example",
    CODEBOX_CERTIFICATE: CERTIFICATE,
    CODEBOX_SERVICES: "release=AROAEXAMPLE12345:tag+deprecate",
    SST_SECRET_UpstreamToken: "secret-of-the-upstream",
    CODEBOX_OPERATORS: "arn:aws:iam::123456789012:role/operator",
  },
  withKey: {
    ...PRODUCTION,
    CODEBOX_KMS_KEY: KMS_KEY,
    CODEBOX_GITHUB_CLIENT_ID: "Ov23x",
    CODEBOX_GITHUB_ORGS: "acme",
    CODEBOX_OIDC_ISSUER: "https://acme.example",
    CODEBOX_OIDC_CLIENT_ID: "codebox",
    CODEBOX_OIDC_GROUPS: "registry",
    SST_SECRET_GitHubClientSecret: "secret-of-github",
    SST_SECRET_OidcClientSecret: "secret-of-oidc",
  },
  adoptedKept: { ...PRODUCTION, CODEBOX_BUCKET: "acme-codebox", CODEBOX_RESERVE: "false" },
  adoptedReplaced: { ...PRODUCTION, CODEBOX_BUCKET: "acme-codebox", CODEBOX_BUCKET_SETTINGS: "replace" },
} as const;
export type Variant = keyof typeof VARIANTS;

declare module "vitest" {
  interface ProvidedContext {
    stacks: Record<Variant, Synthesis>;
  }
}

/** Whether SST's platform is installed, without which nothing can be synthesised. */
export const isSynthesisReady = (): boolean => existsSync(path.join(ROOT, ".sst/platform/package.json"));

/** Synthesises a stage with these variables, and no `CODEBOX_` one of the machine's. */
export async function synthesise(variables: Readonly<Record<string, string>>): Promise<Synthesis> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("CODEBOX_"));
  const { stdout } = await run(process.execPath, [path.join(import.meta.dirname, "synth.ts")], {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...variables },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Synthesis;
}

export default async function setup(project: TestProject): Promise<void> {
  if (!isSynthesisReady()) throw new Error("SST's platform is not there; run `npm run sst:install` first");
  const entries = await Promise.all(
    Object.entries(VARIANTS).map(async ([name, variables]) => [name, await synthesise(variables)] as const),
  );
  project.provide("stacks", Object.fromEntries(entries) as Record<Variant, Synthesis>);
}
