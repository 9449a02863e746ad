/**
 * Runs the real sst.config.ts with SST's real components, against Pulumi's mocks: every resource that a deployment would ask
 * for, without AWS. Needs `npm run sst:install`.
 *
 * @example SYNTH_STAGE=production CODEBOX_SCOPES=@acme … node stacks/test/synth.ts > resources.json
 *
 * A process of its own: Pulumi keeps its state in module scope, so two stages do not fit into one.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type * as Esbuild from "esbuild";
import type * as Pulumi from "../../.sst/platform/node_modules/@pulumi/pulumi/index.js";
import type { Resource, Synthesis } from "./resources.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const PLATFORM = path.join(ROOT, ".sst/platform");
const REGION = "eu-central-1";
const ACCOUNT = "123456789012";

// Pulumi and esbuild as SST's platform has them: a second @pulumi/pulumi would know nothing of the first one's mocks.
const platformRequire = createRequire(path.join(PLATFORM, "package.json"));
const pulumi = platformRequire("@pulumi/pulumi") as typeof Pulumi;
const esbuild = platformRequire("esbuild") as typeof Esbuild;

type App = { readonly name: string; readonly removal?: string; readonly protect?: boolean };
type Config = { app(input: { readonly stage: string }): App };

const PREAMBLE = `
import { createRequire as __require } from "node:module";
import { fileURLToPath as __path } from "node:url";
const require = __require(import.meta.url);
const __filename = __path(import.meta.url);
const __dirname = __path(new URL(".", import.meta.url));`;

const bundle = (options: Esbuild.BuildOptions) =>
  esbuild.build({
    bundle: true,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    external: [
      "@pulumi/*",
      "@pulumiverse/*",
      "@sst-provider/*",
      "@aws-sdk/*",
      "undici",
      "esbuild",
      "archiver",
      "glob",
      "vite",
    ],
    nodePaths: [path.join(PLATFORM, "node_modules")],
    logLevel: "error",
    ...options,
  });

const CONFIG = JSON.stringify(path.join(ROOT, "sst.config.ts"));

/** What `app()` says of the stage. */
async function readApp(directory: string, stage: string): Promise<App & { readonly stage: string }> {
  const outfile = path.join(directory, "app.mjs");
  await bundle({
    outfile,
    banner: { js: `${PREAMBLE}\nfunction $config(input) { return input; }` },
    stdin: { contents: `export { default } from ${CONFIG};`, resolveDir: ROOT, loader: "ts" },
  });
  const { default: config } = (await import(pathToFileURL(outfile).href)) as { default: Config };
  return { removal: "retain", ...config.app({ stage }), stage };
}

/** `run()`, bundled as SST's own command does it: its globals put in front of our files. */
async function bundleRun(directory: string, app: App, dev: boolean): Promise<string> {
  const outfile = path.join(directory, "run.mjs");
  const providers = JSON.parse(await readFile(path.join(ROOT, ".sst/provider-lock.json"), "utf8")) as {
    alias: string;
    package: string;
  }[];
  const globals = [
    ...providers.map((provider) => `import * as ${provider.alias} from ${JSON.stringify(provider.package)};`),
    `import * as sst from ${JSON.stringify(path.join(PLATFORM, "src/components"))};\n`,
  ].join("\n");
  const paths = { home: "/nonexistent", root: ROOT, work: path.join(ROOT, ".sst"), platform: PLATFORM };
  await bundle({
    outfile,
    banner: { js: PREAMBLE },
    define: {
      $app: JSON.stringify(app),
      $dev: String(dev),
      $cli: JSON.stringify({ command: "deploy", dev, paths, state: { version: {} } }),
    },
    inject: [path.join(PLATFORM, "src/shim/run.js")],
    plugins: [
      {
        name: "globals",
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, async ({ path: file }) =>
            file.startsWith(path.join(ROOT, ".sst")) || file.includes("node_modules")
              ? undefined
              : { contents: globals + (await readFile(file, "utf8")), loader: "ts" },
          );
        },
      },
    ],
    stdin: {
      contents: `import { run } from ${JSON.stringify(path.join(PLATFORM, "src/auto/run.ts"))}; import config from ${CONFIG}; export default () => run(config.run);`,
      resolveDir: ROOT,
      loader: "ts",
      sourcefile: "synth-run.ts",
    },
  });
  return outfile;
}

/** Answers what SST's command would: where its state lies, and a function's bundle (an empty one). */
async function serveCommand(directory: string, built: string[]): Promise<Server> {
  const out = path.join(directory, "function");
  await mkdir(out);
  await writeFile(path.join(out, "index.mjs"), "export const handler = () => {};");
  const results: Readonly<Record<string, unknown>> = {
    "Provider.Aws.Bootstrap": {
      asset: "sst-assets",
      assetEcrRegistryId: "1",
      assetEcrUrl: "registry",
      state: "sst-state",
      appsyncHttp: "http",
      appsyncRealtime: "realtime",
    },
    "Provider.Aws.Appsync": { http: "http", realtime: "realtime" },
    "Runtime.AddTarget": true,
    "Runtime.Build": { handler: "index.handler", out, errors: [], sourcemaps: [] },
  };
  const server = createServer((request, response) => {
    void (async () => {
      let body = "";
      for await (const piece of request.setEncoding("utf8")) body += String(piece);
      const { method, params } = JSON.parse(body) as { method: string; params: readonly { handler?: string }[] };
      if (method === "Runtime.Build") built.push(params[0]?.handler ?? "");
      const answer = method in results ? { result: results[method] } : { error: `the synthesis knows no "${method}"` };
      response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** What AWS would answer about a resource just made: enough for others to refer to it. */
function stateOf(
  type: string,
  name: string,
  id: string | undefined,
  inputs: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const service = type.split(":")[1]?.split("/")[0] ?? "unknown";
  const called = String(inputs["name"] ?? inputs["bucket"] ?? (id || name));
  const arn = (known: string) => `arn:aws:${known}:${REGION}:${ACCOUNT}:${called}`;
  const own: Readonly<Record<string, Record<string, unknown>>> = {
    "aws:apigatewayv2/api:Api": { apiEndpoint: "https://api.test", executionArn: arn("execute-api") },
    "aws:sqs/queue:Queue": { arn: arn("sqs"), url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${called}` },
    "aws:s3/bucket:Bucket": { arn: `arn:aws:s3:::${called}`, bucket: called },
    "aws:iam/role:Role": { arn: `arn:aws:iam::${ACCOUNT}:role/${called}` },
    "aws:lambda/function:Function": { arn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${called}` },
    "aws:cloudwatch/logGroup:LogGroup": { arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${called}` },
    "aws:lambda/eventSourceMapping:EventSourceMapping": { uuid: `uuid-of-${called}` },
  };
  return { name: called, arn: arn(service), ...own[type], ...inputs };
}

function call({
  token,
  inputs,
}: {
  readonly token: string;
  readonly inputs: Record<string, unknown>;
}): Record<string, unknown> {
  switch (token) {
    case "aws:index/getRegion:getRegion":
      return { region: REGION, name: REGION, id: REGION };
    case "aws:index/getPartition:getPartition":
      return { partition: "aws", id: "aws", dnsSuffix: "amazonaws.com" };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId: ACCOUNT };
    case "aws:iam/getPolicyDocument:getPolicyDocument":
      // The statements as they came: a mock that forgot them would let every assertion on a policy pass on nothing.
      return { ...inputs, json: JSON.stringify({ Statement: inputs["statements"] ?? [] }) };
    default:
      return inputs;
  }
}

async function synthesise(stage: string, dev: boolean): Promise<Synthesis> {
  const directory = await mkdtemp(path.join(PLATFORM, "synth-"));
  const handlers: string[] = [];
  const server = await serveCommand(directory, handlers);
  process.env["SST_SERVER"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const resources: Resource[] = [];
  const removal = { retained: new Set<string>(), protected: new Set<string>() };
  try {
    const app = await readApp(directory, stage);
    const outfile = await bundleRun(directory, app, dev);
    await pulumi.runtime.setMocks(
      {
        newResource({ type, name, inputs, id }) {
          // Only what is looked up, not made, comes with an id.
          const known = id === undefined || id === "" ? undefined : id;
          resources.push({
            type,
            name,
            inputs: unwrapped(inputs) as Resource["inputs"],
            adopted: known !== undefined,
            retained: removal.retained.has(name),
            protected: removal.protected.has(name),
          });
          return { id: known ?? `${name}-id`, state: stateOf(type, name, known, inputs as Resource["inputs"]) };
        },
        call,
      },
      app.name,
      stage,
      false,
    );
    watchRemoval(removal);
    const { default: program } = (await import(pathToFileURL(outfile).href)) as { default: () => Promise<unknown> };
    const outputs = await pulumi.runtime.runInPulumiStack(program);
    await pulumi.runtime.disconnect();
    const plain = await new Promise((resolve) => pulumi.output(outputs).apply(resolve));
    return { app, resources, handlers, outputs: unwrapped(plain) as Synthesis["outputs"] };
  } finally {
    server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

type Registration = { getName(): string; getRetainondelete(): boolean | undefined; getProtect(): boolean | undefined };

/** A mock does not get a resource's options; the request that carries them does. */
function watchRemoval(removal: { readonly retained: Set<string>; readonly protected: Set<string> }): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as
    | { registerResource(request: Registration, callback: unknown): Promise<void> }
    | undefined;
  if (!monitor) throw new Error("Pulumi's mocks are not set");
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    if (request.getRetainondelete() === true) removal.retained.add(request.getName());
    if (request.getProtect() === true) removal.protected.add(request.getName());
    return register(request, callback);
  };
}

/** Pulumi's mark on a secret's wrapper. */
const SECRET = "4dabf18193072939515e22adb298388d";

/** Plain data: secrets without their wrapper. */
function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value !== "object" || value === null) return value;
  if (SECRET in value) return unwrapped((value as { value?: unknown }).value);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unwrapped(part)]));
}

const stage = process.env["SYNTH_STAGE"] ?? "test";
process.stdout.write(JSON.stringify(await synthesise(stage, process.env["SYNTH_DEV"] === "true")));
