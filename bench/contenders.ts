import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { nginxSettings, verdaccioSettings } from "./settings.ts";

export const ROOT = join(import.meta.dirname, "..");
const PROBE = join(ROOT, "bench/probe.mjs");

export const NAMES = ["codebox", "verdaccio", "nginx", "node:http"] as const;
export type Name = (typeof NAMES)[number];

export type Contender = {
  readonly name: Name;
  readonly url: string;
  readonly token: string;
  /** From the start of the process to the first answer, in milliseconds. */
  readonly startMs: number;
  /** Resident memory now, in MiB. */
  residentMb(): number;
  /** Seconds of CPU since the start, of the process and its threads. */
  cpuSeconds(): number;
  /** p99 of the event loop's delay since the last call, in milliseconds; NaN where there is no event loop to ask. */
  loopDelayMs(): Promise<number>;
  stop(): Promise<void>;
};

export type StartOptions = {
  /** The upstream of a registry. Default: none. */
  readonly upstream?: string;
  /** Puts data into the empty directory before the start. */
  readonly seed?: (folder: string) => Promise<void>;
  /** Measures the event loop's delay, which costs a little time at the start. Default: true. */
  readonly probe?: boolean;
  /** Runs codebox from its sources. Default: as `npm start` does, from the build. */
  readonly fromSources?: boolean;
};

/** codebox, as `npm start` runs it. */
export async function startCodebox({ upstream, seed, probe, fromSources }: StartOptions = {}): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), "bench-codebox-"));
  const port = await freePort();
  await seed?.(folder);
  const main = join(ROOT, "packages/server", fromSources ? "src/main.ts" : "bin/start.mjs");
  const from = upstream === undefined ? ["--no-upstream"] : ["--upstream", upstream];
  const args = [main, "--port", String(port), "--data", folder, "--log-level", "warn", ...from];
  const started = await start("codebox", port, [process.execPath, ...args], folder, { probe });
  // It answers before it has said so.
  while (!started.output().includes("\n")) await delay(5);
  const [line = ""] = started.output().split("\n");
  const token = readFileSync((JSON.parse(line) as { tokenFile: string }).tokenFile, "utf8").trim();
  return { ...started, token };
}

/** verdaccio with its default storage, and JSON web tokens, its fastest authentication. */
export async function startVerdaccio({ upstream, seed, probe }: StartOptions = {}): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), "bench-verdaccio-"));
  const port = await freePort();
  await mkdir(join(folder, "storage"));
  await seed?.(folder);
  await writeFile(join(folder, "config.yaml"), verdaccioSettings(folder, upstream));
  const bin = join(ROOT, "bench/node_modules/verdaccio/bin/verdaccio");
  const args = [bin, "--config", join(folder, "config.yaml"), "--listen", `127.0.0.1:${port}`];
  const started = await start("verdaccio", port, [process.execPath, ...args], folder, { probe });
  const response = await fetch(`${started.url}/-/user/org.couchdb.user:bench`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "bench", password: "bench-password", email: "bench@example.com" }),
  });
  return { ...started, token: ((await response.json()) as { token: string }).token };
}

/** Where nginx is; `undefined`: it is not installed. */
export function findNginx(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, "nginx")).find((file) => existsSync(file));
}

/** nginx with one worker, which serves the files of a directory. `.gz` stands for content that is compressed already. */
export async function startNginx(binary: string, files: string): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), "bench-nginx-"));
  const port = await freePort();
  await writeFile(join(folder, "nginx.conf"), nginxSettings(folder, files, port));
  const args = [binary, "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];
  return { ...(await start("nginx", port, args, folder, { probe: false })), token: "" };
}

/** A bare `node:http` server that sends the files of a directory from memory: what Node can reach at most. */
export async function startPlain(files: string): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), "bench-plain-"));
  const port = await freePort();
  const args = [process.execPath, join(ROOT, "bench/plain.ts"), files, String(port)];
  return { ...(await start("node:http", port, args, folder, {})), token: "" };
}

type Started = Omit<Contender, "token"> & { readonly output: () => string };

async function start(
  name: Name,
  port: number,
  [program = "", ...args]: readonly string[],
  folder: string,
  { probe = true }: { readonly probe?: boolean | undefined },
): Promise<Started> {
  const began = performance.now();
  const child = spawn(program, probe ? ["--import", PROBE, ...args] : args, {
    cwd: folder,
    stdio: probe ? ["ignore", "pipe", "pipe", "ipc"] : ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    if (output.length < 10_000) output += chunk.toString();
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const url = `http://127.0.0.1:${port}`;
  await answering(child, url, () => output);
  return {
    name,
    url,
    startMs: Math.round(performance.now() - began),
    output: () => output,
    residentMb: () => residentMb(child),
    cpuSeconds: () => cpuSeconds(child),
    async loopDelayMs() {
      if (!probe) return Number.NaN;
      const answer = once(child, "message") as Promise<[number]>;
      child.send("loop");
      return (await answer)[0];
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answering(child: ChildProcess, url: string, output: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${output()}`);
    try {
      await (await fetch(`${url}/-/ping`)).arrayBuffer();
      return;
    } catch {
      // Not listening yet.
    }
    await delay(5);
  }
}

/** Of the process and of its children, such as nginx's worker. Source: proc(5), /proc/[pid]/status, VmRSS in kB. */
function residentMb({ pid }: ChildProcess): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  const kilobytes = [String(pid), ...children].map((id) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0),
  );
  return Math.round(kilobytes.reduce((a, b) => a + b, 0) / 1024);
}

/** Source: proc(5), /proc/[pid]/stat, utime and stime, in ticks of 10 ms. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
