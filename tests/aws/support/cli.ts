import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { runCli, type Surroundings } from "@codebox/cli";
import { inject } from "vitest";
import { MOTO_CREDENTIALS, MOTO_REGION } from "../../../scripts/moto.ts";
import { systemClock } from "@codebox/system";
import { ROOT } from "../../support/registry.ts";

export type CliResult = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines of stdout. */
  readonly lines: readonly Line[];
  readonly summary: Line;
};
export type Line = Readonly<Record<string, unknown>>;

let ids = 0;

/**
 * Runs a command line against the run's emulator, in this process.
 *
 * @example const { code, lines } = await cli(dir.path, ["verify", "--bucket", bucket]);
 */
export async function cli(
  cwd: string,
  argv: readonly string[],
  { terminal = false, ...more }: Partial<Surroundings> & { readonly terminal?: boolean } = {},
): Promise<CliResult> {
  // The SDK finds credentials and region where it always does.
  process.env["AWS_ACCESS_KEY_ID"] = MOTO_CREDENTIALS.accessKeyId;
  process.env["AWS_SECRET_ACCESS_KEY"] = MOTO_CREDENTIALS.secretAccessKey;
  process.env["AWS_REGION"] = MOTO_REGION;
  let stdout = "";
  let stderr = "";
  const code = await runCli(argv, {
    env: { AWS_ENDPOINT_URL: inject("moto"), NO_COLOR: "1" },
    cwd,
    execPath: process.execPath,
    platform: process.platform,
    sinks: {
      stdout: { isTTY: terminal, write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
    clock: systemClock,
    ids: { next: () => `id-${++ids}`, secret: () => `secret-${process.pid}-${++ids}` },
    ask: async () => "",
    signal: new AbortController().signal,
    ...more,
  });
  const lines = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
  return { code, stdout, stderr, lines, summary: lines.findLast((line) => line["summary"] === true) ?? {} };
}

/** The real command as a process of its own, which gets a signal once it has printed so many lines. */
export async function killedCli(
  cwd: string,
  argv: readonly string[],
  { after, signal }: { readonly after: number; readonly signal: "SIGINT" | "SIGKILL" },
): Promise<{ readonly code: number | null; readonly lines: number; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, "packages/cli/bin/codebox.mjs"), ...argv], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      AWS_ENDPOINT_URL: inject("moto"),
      AWS_REGION: MOTO_REGION,
      AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
    },
  });
  let lines = 0;
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  createInterface(child.stdout).on("line", () => {
    if (++lines === after) child.kill(signal);
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, lines, stderr };
}
