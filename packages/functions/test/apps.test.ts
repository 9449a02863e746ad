import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { routesOf, type App } from "@codebox/api";
import { manualClock } from "@codebox/testing";
import { expect, test } from "vitest";
import { createAccountApp, createReadApp, createWriteApp, readEnvironment } from "../src/index.ts";

const region = "eu-central-1";
const parts = {
  s3: new S3Client({ region }),
  sqs: new SQSClient({ region }),
  clock: manualClock(),
  ids: { next: () => "id", secret: () => "secret" },
  random: () => 0,
};
const variables = { CODEBOX_BUCKET: "bucket", CODEBOX_QUEUE_URL: "https://queue.test/q" };
const apps = {
  read: createReadApp(readEnvironment("read", variables), parts),
  write: createWriteApp(readEnvironment("write", variables), parts),
  account: createAccountApp(readEnvironment("account", variables), parts),
};
const rightsOf = (app: App) => [...new Set(routesOf(app).map(({ right }) => right))].toSorted();

test.each([
  ["read", ["admin", "public", "read"]],
  ["write", ["admin", "read", "write"]],
  ["account", ["account", "sign-in"]],
] as const)("the function %s serves only routes of the rights %j", (name, rights) => {
  expect(rightsOf(apps[name])).toEqual(rights);
});
test("uploads are handed out only to a caller who may write", () => {
  expect(routesOf(apps.write)).toContainEqual({ method: "POST", path: "/-/package/:name/uploads", right: "write" });
});
