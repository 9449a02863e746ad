import process from "node:process";
import { UserName } from "@codebox/core";
import { createHttpUpstream, defaultUpstreamUrl } from "@codebox/upstream";
import pino, { type Logger } from "pino";
import pretty from "pino-pretty";
import { systemClock, systemIds } from "./ambient.ts";
import { startServer, type RunningServer } from "./server.ts";
import { readSettings, SettingsError, USAGE, type Settings } from "./settings.ts";

/** How long a stop may take before the process ends anyway; what is queued is durable and applied at the next start. */
const STOP_MS = 30_000;

await main();

async function main(): Promise<void> {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings === "help") return void process.stdout.write(`${USAGE}\n`);
    checkUser(settings.newToken);
    await run(settings);
  } catch (error) {
    process.stderr.write(`codebox can't start: ${explain(error)}\n`);
    process.exitCode = 1;
  }
}

async function run(settings: Settings): Promise<void> {
  const log = createLog(settings);
  const upstream = settings.useUpstream ? createUpstream(settings) : undefined;
  const parts = { settings, log, clock: systemClock, ids: systemIds };
  const server = await startServer(upstream ? { ...parts, upstream } : parts);
  announce(server, settings, log);
  stopOnSignal(server, log);
}

function createUpstream(settings: Settings) {
  return createHttpUpstream({
    url:
      settings.upstream ??
      (() =>
        defaultUpstreamUrl({
          env: process.env,
          cwd: process.cwd(),
          execPath: process.execPath,
          platform: process.platform,
        })),
    userAgent: "codebox",
  });
}

function createLog({ logLevel }: Settings): Logger {
  const options = { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return process.stdout.isTTY
    ? pino(options, pretty({ colorize: true, translateTime: "HH:MM:ss", sync: true }))
    : pino(options);
}

/** A terminal gets the two lines to copy; a pipe one JSON line with the same facts. The token is printed here and nowhere else. */
function announce({ url, token }: RunningServer, settings: Settings, log: Logger): void {
  const registry = settings.publicUrl ?? url;
  if (!process.stdout.isTTY) {
    const line = {
      level: 30,
      time: new Date().toISOString(),
      event: "listening",
      url,
      registry,
      data: settings.data,
      ...token,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const npmrc = [
    `registry=${registry}/`,
    `${registry.replace(/^https?:/, "")}/:_authToken=${token?.token ?? "<your token>"}`,
  ];
  const hint = token
    ? `This token of the user "${token.user}" is shown once. Put these two lines into your project's .npmrc:`
    : 'Put these two lines into .npmrc ("npm start -- --new-token <user>" makes another token):';
  process.stdout.write(
    `\n  codebox is at ${url}, its data in ${settings.data}\n\n  ${hint}\n\n${npmrc.map((line) => `    ${line}\n`).join("")}\n`,
  );
  log.debug("listening");
}

function stopOnSignal(server: RunningServer, log: Logger): void {
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, "stopping: finishing requests and queued changes");
    setTimeout(() => {
      log.error("the stop took too long; what is queued is applied at the next start");
      process.exit(1);
    }, STOP_MS).unref();
    await server.stop();
    log.info("stopped");
  };
  const onSignal = (signal: NodeJS.Signals) => {
    stop(signal).catch((error: unknown) => {
      log.error({ err: error }, "the stop failed");
      process.exit(1);
    });
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}

function checkUser(user: string | undefined): void {
  if (user === undefined) return;
  const parsed = UserName.safeParse(user);
  if (!parsed.success) throw new SettingsError(`--new-token: ${parsed.error.issues[0]?.message ?? "not a user name"}`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `the port is taken (${error.message}); choose another with --port, or stop who has it`;
  if (code === "EACCES") return `${error.message}; choose a port above 1023, or a directory that you may write`;
  return error.message;
}
