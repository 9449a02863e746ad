import process from "node:process";
import { systemClock, systemIds } from "@codebox/system";
import { asker } from "./ask.ts";
import { runCli } from "./program.ts";

const interrupted = new AbortController();
process.on("SIGINT", () => {
  // The first lets what is under way come to its end; who presses twice does not want to wait.
  if (interrupted.signal.aborted) process.exit(1);
  interrupted.abort();
});

// The reader of our output may stop early: "codebox verify | head".
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  execPath: process.execPath,
  platform: process.platform,
  sinks: process,
  clock: systemClock,
  ids: systemIds,
  ask: asker(process.stdin, process.stderr),
  signal: interrupted.signal,
});
