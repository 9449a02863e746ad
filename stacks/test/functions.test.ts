import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ENVIRONMENTS, readEnvironment } from "../../packages/functions/src/environment.ts";
import { RIGHTS, type FunctionName } from "../rights.ts";
import { stack, type Stack } from "./resources.ts";
import { KMS_KEY } from "./synthesise.ts";

const NAMES = Object.keys(RIGHTS) as FunctionName[];
const title = (name: FunctionName) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
const functionOf = (of: Stack, name: FunctionName) => of.one("lambda/function:Function", title(name)).inputs;

/** A function's variables, without those of SST and Node. */
function environmentOf(of: Stack, name: FunctionName): Record<string, string> {
  const { variables } = functionOf(of, name)["environment"] as { variables: Record<string, string> };
  return Object.fromEntries(Object.entries(variables).filter(([variable]) => !/^(SST|NODE)_/.test(variable)));
}

describe.each(["trial", "production"] as const)("the functions of a %s stage", (variant) => {
  const of = stack(variant);

  test.each([
    ["read", 25, 1_024],
    ["write", 25, 1_769],
    ["account", 25, 512],
    ["consumer", 30, 1_769],
    ["intake", 30, 512],
    ["indexer", 60, 1_024],
    ["redrive", 300, 512],
  ] as const)("%s may take %i seconds and %i MB, on Node 24 and arm64", (name, timeout, memorySize) => {
    expect(functionOf(of, name)).toMatchObject({
      timeout,
      memorySize,
      runtime: "nodejs24.x",
      architectures: ["arm64"],
    });
  });

  test.each(["read", "write", "account"] as const)("%s gives up before API Gateway does, after 30 seconds", (name) => {
    expect(Number(functionOf(of, name)["timeout"])).toBeLessThan(30);
  });

  test.each(NAMES)("%s writes plain lines into a log group of its own, kept for thirty days", (name) => {
    const group = of.one("cloudwatch/logGroup:LogGroup", `${title(name)}Logs`);
    expect(group.inputs["retentionInDays"]).toBe(30);
    expect(functionOf(of, name)["loggingConfig"]).toEqual({ logFormat: "Text", logGroup: group.name });
  });
});

test.each(NAMES)("%s names our files and lines in the stacks that it logs", (name) => {
  const { variables } = functionOf(stack("production"), name)["environment"] as { variables: Record<string, string> };
  expect(variables["NODE_OPTIONS"]).toBe("--enable-source-maps");
});

describe("while a stage is developed", () => {
  const of = stack("developed");

  test.each(NAMES)("%s may wait at a breakpoint for a quarter of an hour", (name) => {
    expect(functionOf(of, name)["timeout"]).toBe(900);
  });

  test.each(["ChangeQueue", "IntakeQueue"])("a message of %s does not come again meanwhile", (queue) => {
    expect(Number(of.one("sqs/queue:Queue", queue).inputs["visibilityTimeoutSeconds"])).toBeGreaterThan(900);
  });

  test.each(["ChangeQueue", "IntakeQueue"])("%s calls as few functions at once as SQS allows", (queue) => {
    const { inputs } = of.one("lambda/eventSourceMapping:EventSourceMapping", queue);
    expect(inputs["scalingConfig"]).toEqual({ maximumConcurrency: 2 });
  });
});

describe("concurrency", () => {
  const reserved = (of: Stack) =>
    Object.fromEntries(NAMES.map((name) => [name, functionOf(of, name)["reservedConcurrentExecutions"]]));
  const none = Object.fromEntries(NAMES.map((name) => [name, undefined]));

  test("is kept in production for what the queues may call at once, so that waiting requests leave room for the consumer", () => {
    const of = stack("production");
    const called = (queue: string) => {
      const { inputs } = of.one("lambda/eventSourceMapping:EventSourceMapping", queue);
      return (inputs["scalingConfig"] as { maximumConcurrency: number }).maximumConcurrency;
    };
    expect(reserved(of)).toEqual({
      ...none,
      consumer: called("ChangeQueue"),
      intake: called("IntakeQueue"),
      indexer: called("IndexQueue"),
    });
    expect(reserved(of)).toMatchObject({ consumer: 50, intake: 2 });
  });

  test("is not in a trial, nor where the stage says so: a new account has none to spare", () => {
    expect(reserved(stack("trial"))).toEqual(none);
    expect(reserved(stack("adoptedKept"))).toEqual(none);
  });
});

test("each function is an entry that is there", () => {
  const { handlers } = stack("production");
  expect(handlers.toSorted()).toEqual(NAMES.map((name) => `packages/functions/src/entries/${name}.handler`).toSorted());
  for (const handler of handlers)
    expect(existsSync(path.resolve(import.meta.dirname, "../..", handler.replace(/\.handler$/, ".ts")))).toBe(true);
});

describe("the environment of a stage with sign-in providers", () => {
  const of = stack("withKey");
  test("every function of the API can check accounts at GitHub; only account has the other provider's secret", () => {
    for (const name of ["read", "write", "account"] as const)
      expect(environmentOf(of, name)).toMatchObject({
        CODEBOX_GITHUB_CLIENT_ID: "Ov23x",
        CODEBOX_GITHUB_CLIENT_SECRET: "secret-of-github",
        CODEBOX_OIDC_ISSUER: "https://acme.example",
      });
    expect(environmentOf(of, "account")).toMatchObject({ CODEBOX_OIDC_CLIENT_SECRET: "secret-of-oidc" });
    for (const name of ["read", "write", "consumer", "intake", "redrive"] as const)
      expect(environmentOf(of, name)).not.toHaveProperty("CODEBOX_OIDC_CLIENT_SECRET");
    for (const name of ["consumer", "intake", "redrive"] as const)
      expect(environmentOf(of, name)).not.toHaveProperty("CODEBOX_GITHUB_CLIENT_SECRET");
  });
});

describe("a function's environment", () => {
  const of = stack("production");
  const { bucket, changeQueue, deadLetters, intakeDeadLetters, events } = of.outputs as Record<string, string>;
  const api = {
    CODEBOX_BUCKET: bucket,
    CODEBOX_SCOPES: "@acme,@acme-labs",
    CODEBOX_ANONYMOUS_READ: "false",
    CODEBOX_UPSTREAM: "https://upstream.example",
    CODEBOX_PUBLIC_URL: "https://npm.acme.example",
  };

  test.each<[FunctionName, Record<string, string | undefined>]>([
    ["read", { ...api, CODEBOX_UPSTREAM_TOKEN: "secret-of-the-upstream" }],
    ["write", { ...api, CODEBOX_UPSTREAM_TOKEN: "secret-of-the-upstream", CODEBOX_QUEUE_URL: changeQueue }],
    ["account", { ...api, CODEBOX_TOKEN_DAYS: "365", CODEBOX_TOKEN_DAYS_MAX: "0" }],
    [
      "consumer",
      {
        CODEBOX_BUCKET: bucket,
        CODEBOX_QUEUE_URL: changeQueue,
        CODEBOX_DEAD_LETTERS_URL: deadLetters,
        CODEBOX_SERVICES: "release=AROAEXAMPLE12345:tag+deprecate",
        CODEBOX_TOPIC_ARN: events,
      },
    ],
    [
      "intake",
      {
        CODEBOX_BUCKET: bucket,
        CODEBOX_QUEUE_URL: changeQueue,
        CODEBOX_DEAD_LETTERS_URL: intakeDeadLetters,
        CODEBOX_SERVICES: "release=AROAEXAMPLE12345:tag+deprecate",
      },
    ],
    ["indexer", { CODEBOX_BUCKET: bucket }],
    ["redrive", { CODEBOX_BUCKET: bucket, CODEBOX_QUEUE_URL: changeQueue, CODEBOX_DEAD_LETTERS_URL: deadLetters }],
  ])("%s knows its resources and settings, and nothing else", (name, expected) => {
    expect(environmentOf(of, name)).toEqual(expected);
  });

  test.each(NAMES)("%s starts with its environment, and reads every variable", (name) => {
    for (const variant of ["trial", "production", "withKey"] as const) {
      const variables = environmentOf(stack(variant), name);
      expect(() => readEnvironment(name, variables)).not.toThrow();
      expect(Object.keys(ENVIRONMENTS[name].shape)).toEqual(expect.arrayContaining(Object.keys(variables)));
    }
  });

  test.each(NAMES.filter((name) => name !== "redrive"))("%s knows the key of a bucket that has one", (name) => {
    expect(environmentOf(stack("withKey"), name)["CODEBOX_KMS_KEY"]).toBe(KMS_KEY);
  });
});
