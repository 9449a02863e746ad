import { networkInterfaces } from "node:os";
import process from "node:process";
import { UserName, type Upstream } from "@codebox/core";
import { createHttpUpstream, defaultUpstreamUrl } from "@codebox/upstream";
import pino, { type Logger } from "pino";
import { systemClock, systemIds } from "@codebox/system";
import { createLogDestination, type LogDestination } from "./log-destination.ts";
import { startServer, type RunningServer } from "./server.ts";
import { writeTokenFile } from "./token-file.ts";
import { MEBIBYTE, readSettings, SettingsError, usage, type Settings } from "./settings.ts";

/** How long a stop may take before the process ends anyway; what is queued is durable and applied at the next start. */
const STOP_MS = 30_000;

/** A second signal ends the process at once, when it comes so much later: Ctrl-C comes from the terminal and from npm too. */
const IMPATIENT_MS = 1_000;
const TOKEN_HINT = '"npm start -- --new-token <user>" makes another token';

outliveReaders();
await main();

async function main(): Promise<void> {
  try {
    const settings = readSettings(process.argv.slice(2), process.env);
    if (settings === "help") return void process.stdout.write(`${usage()}\n`);
    checkUser(settings.newToken);
    await run(settings);
  } catch (error) {
    process.stderr.write(`codebox can't start: ${explain(error)}\n`);
    process.exit(1);
  }
}

async function run(settings: Settings): Promise<void> {
  const log = await createLog(settings);
  logConsole(log);
  if (settings.ignored.length > 0)
    log.warn(
      { variables: settings.ignored },
      "these variables are no settings of this server; npm start -- --help lists them",
    );
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  const parts = { settings, log, clock: systemClock, ids: systemIds, addresses };
  const server = await startServer(settings.useUpstream ? { ...parts, upstream: upstreamOf(settings, log) } : parts);
  stopOnSignal(server, log);
  await announce(server, settings, log);
}

function upstreamOf(
  { upstream, upstreamToken, upstreamHosts, upstreamTimeoutMs, upstreamPackumentMb }: Settings,
  log: Logger,
): (isItself: (url: string) => boolean) => Upstream {
  const { env, execPath, platform } = process;
  return (isItself) =>
    createHttpUpstream({
      userAgent: "codebox",
      clock: systemClock,
      tarballHosts: upstreamHosts,
      timeoutMs: upstreamTimeoutMs,
      packumentBytesMax: upstreamPackumentMb * MEBIBYTE,
      ...(upstreamToken === undefined ? {} : { token: upstreamToken }),
      async url() {
        const url = upstream ?? (await defaultUpstreamUrl({ env, cwd: process.cwd(), execPath, platform }));
        if (!isItself(url)) return url;
        log.warn(
          { upstream: url },
          "the upstream would be this registry itself, so packages that are not here do not exist; name another with --upstream, or none with --no-upstream",
        );
        return undefined;
      },
    });
}

/** What the HTTP library has to say of answers that broke off goes to the console; here it becomes a line of the log. */
function logConsole(log: Logger): void {
  console.error = (error: unknown) => log.error({ err: error }, "an answer broke off");
  console.info = (message: unknown) => log.info(String(message));
}

async function createLog({ logLevel }: Settings): Promise<Logger> {
  const options = { level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!process.stdout.isTTY) return pino(options, lastingDestination());
  const { default: pretty } = await import("pino-pretty");
  return pino(options, pretty({ colorize: true, translateTime: "HH:MM:ss", sync: true }));
}

/** Also what is logged last, just before the process ends, is written. */
function lastingDestination(): LogDestination {
  const destination = createLogDestination(process.stdout.fd);
  process.on("exit", () => destination.flushSync());
  return destination;
}

/** A registry serves on when nobody reads its output any more. */
function outliveReaders(): void {
  const ignore = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  };
  process.stdout.on("error", ignore);
  process.stderr.on("error", ignore);
}

/**
 * A terminal gets the two lines to copy; the token is printed there and nowhere else. A pipe gets one JSON line with the same
 * facts, and with the file that has the token.
 */
async function announce({ url, token }: RunningServer, settings: Settings, log: Logger): Promise<void> {
  const registry = settings.publicUrl ?? url;
  if (!process.stdout.isTTY) {
    const line = {
      level: 30,
      time: new Date().toISOString(),
      event: "listening",
      url,
      registry,
      data: settings.data,
      ...(token ? { user: token.user, tokenFile: await writeTokenFile(settings.data, token) } : { hint: TOKEN_HINT }),
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
    : `Put these two lines into .npmrc (${TOKEN_HINT}):`;
  process.stdout.write(
    `\n  codebox is at ${url}, its data in ${settings.data}\n\n  ${hint}\n\n${npmrc.map((line) => `    ${line}\n`).join("")}\n`,
  );
  log.debug("listening");
}

function stopOnSignal(server: RunningServer, log: Logger): void {
  let since: number | undefined;
  const stop = async (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (since !== undefined && now - since > IMPATIENT_MS) process.exit(1);
    if (since !== undefined) return;
    since = now;
    log.info({ signal }, "stopping: finishing requests and queued changes");
    setTimeout(() => {
      log.error("the stop took too long; what is queued is applied at the next start");
      process.exit(1);
    }, STOP_MS).unref();
    await server.stop();
    log.info("stopped");
    // A request to the upstream may still wait for its answer, and nobody for it.
    process.exit(0);
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
