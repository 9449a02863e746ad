// `npm run aws:local`: the complete AWS deployment on this machine, over an emulator. All data is lost when it stops.
import process from "node:process";
import { parseArgs } from "node:util";
import { defaultUpstreamUrl } from "@codebox/upstream";
import { startLocalRegistry, type LocalRegistry } from "./aws-local/registry.ts";
import { installMoto, MOTO_CREDENTIALS, MOTO_REGION, startMoto } from "./moto.ts";

const USAGE = `Usage: npm run aws:local -- [--port <n>] [--no-upstream]

  --port <n>       port of the registry; 0 picks a free port   (4871)
  --no-upstream    serve no packages from an upstream registry`;

const { values } = parseArgs({
  options: { port: { type: "string", default: "4871" }, "no-upstream": { type: "boolean" }, help: { type: "boolean" } },
});
if (values.help) console.log(USAGE);
else await run();

async function run(): Promise<void> {
  await installMoto();
  const moto = await startMoto();
  try {
    const registry = await startLocalRegistry({
      client: { endpoint: moto.endpoint, region: MOTO_REGION, credentials: MOTO_CREDENTIALS },
      prefix: "codebox",
      port: Number(values.port),
      environment: values["no-upstream"] ? {} : { CODEBOX_UPSTREAM: await upstream() },
      log: {
        consume: {
          applied: (name, outcomes) => print("consumer", { package: name, changes: outcomes.length }),
          failed: (group, error) => print("consumer", { group, failed: String(error) }),
          dead: (id, group, reason) => print("consumer", { group, dead: id, reason }),
          postponed: (group, messages) => print("consumer", { group, postponed: messages }),
        },
        onRequest: ({ method, path, status }) => print("api", { method, path, status }),
        onFailure: (error) => print("failure", { error: String(error) }),
      },
    });
    announce(registry, moto.endpoint);
    process.once("SIGINT", () => stop(registry, moto));
    process.once("SIGTERM", () => stop(registry, moto));
  } catch (error) {
    await moto.stop();
    throw error;
  }
}

function upstream(): Promise<string> {
  const { env, execPath, platform } = process;
  return defaultUpstreamUrl({ env, cwd: process.cwd(), execPath, platform });
}

function stop(registry: LocalRegistry, moto: { stop(): Promise<void> }): void {
  registry
    .stop()
    .then(() => moto.stop())
    .catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    });
}

/** Prints JSON into a pipe, as `npm start` does, and lines to copy on a terminal. */
function announce({ url, token, cloud }: LocalRegistry, endpoint: string): void {
  if (!process.stdout.isTTY) {
    print("listening", { url, token, user: "admin", endpoint, region: MOTO_REGION, ...cloud });
    return;
  }
  const bare = url.replace(/^http:/, "");
  console.log(`
  codebox is at ${url}: API Gateway, Lambda, SQS, S3 and SNS on this machine (moto at ${endpoint}).

  Put these two lines into your project's .npmrc:

    registry=${url}/
    ${bare}/:_authToken=${token}

  Other services publish changes to ${cloud.intakeTopicArn}
  and see events in ${cloud.subscriberUrl}
`);
}

function print(event: string, fields: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ event, ...fields }));
}
