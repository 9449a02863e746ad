import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { routesOf, type App } from "@codebox/api";
import { manualClock } from "@codebox/testing";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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
  ["write", ["admin", "read", "stage", "write"]],
  ["account", ["account", "sign-in"]],
] as const)("the function %s serves only routes of the rights %j", (name, rights) => {
  expect(rightsOf(apps[name])).toEqual(rights);
});
test("uploads are handed out only to a caller who may stage", () => {
  expect(routesOf(apps.write)).toContainEqual({ method: "POST", path: "/-/package/:name/uploads", right: "stage" });
});

test("the upstream gets the token of the function's environment", async () => {
  const seen: (string | undefined)[] = [];
  const upstream = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  const s3 = new S3Client({ region });
  s3.send = async () => {
    throw Object.assign(new Error("no such key"), { name: "NoSuchKey", $metadata: { httpStatusCode: 404 } });
  };
  const env = {
    ...variables,
    CODEBOX_ANONYMOUS_READ: "true",
    CODEBOX_UPSTREAM: `http://127.0.0.1:${port}`,
    CODEBOX_UPSTREAM_TOKEN: "hush",
  };
  // API Gateway's event is Hono's environment.
  await createReadApp(readEnvironment("read", env), { ...parts, s3 }).request("/left-pad", {}, {});
  upstream.close();
  expect(seen).toContain("Bearer hush");
});

test("a request is logged with the id that it has in API Gateway's access log", async () => {
  const logged: unknown[] = [];
  const app = createReadApp(readEnvironment("read", variables), { ...parts, onRequest: (entry) => logged.push(entry) });
  await app.request("/-/ping", {}, { event: { requestContext: { requestId: "JKJaXmPLvHcESHA=" } } });
  expect(logged).toMatchObject([{ path: "/-/ping", request: "JKJaXmPLvHcESHA=" }]);
});
