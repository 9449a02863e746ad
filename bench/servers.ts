import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

const ROOT = new URL("..", import.meta.url).pathname;

export type Contender = {
  readonly name: "codebox" | "verdaccio";
  readonly url: string;
  readonly token: string;
  /** From the start of the process to the first answered ping, in milliseconds. */
  readonly startMs: number;
  /** Resident memory now, in MiB. */
  residentMb(): number;
  stop(): Promise<void>;
};

/** codebox, as `npm start` runs it, without an upstream. */
export async function startCodebox(): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), "bench-codebox-"));
  const port = await freePort();
  const args = [join(ROOT, "packages/server/src/main.ts"), "--port", String(port), "--data", folder, "--no-upstream"];
  const started = await start("codebox", port, args, folder);
  // It answers before it has said so.
  while (!started.output().includes("\n")) await delay(5);
  const [line = ""] = started.output().split("\n");
  return contender(started, readFileSync((JSON.parse(line) as { tokenFile: string }).tokenFile, "utf8").trim());
}

/** verdaccio with its default storage, no uplink, and JSON web tokens, its fastest authentication. */
export async function startVerdaccio(): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), "bench-verdaccio-"));
  const port = await freePort();
  await mkdir(join(folder, "storage"));
  await writeFile(join(folder, "config.yaml"), verdaccioSettings(folder));
  const bin = join(ROOT, "bench/node_modules/verdaccio/bin/verdaccio");
  const args = [bin, "--config", join(folder, "config.yaml"), "--listen", `127.0.0.1:${port}`];
  const started = await start("verdaccio", port, args, folder);
  const response = await fetch(`${started.url}/-/user/org.couchdb.user:bench`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "bench", password: "bench-password", email: "bench@example.com" }),
  });
  return contender(started, ((await response.json()) as { token: string }).token);
}

function verdaccioSettings(folder: string): string {
  return `
storage: ${folder}/storage
auth: { htpasswd: { file: ${folder}/htpasswd, algorithm: bcrypt, rounds: 4 } }
security: { api: { legacy: false, jwt: { sign: { expiresIn: 1d } } } }
uplinks: {}
packages: { '**': { access: $all, publish: $authenticated, unpublish: $authenticated } }
max_body_size: 200mb
web: { enable: false }
userRateLimit: { windowMs: 1000, max: 1000000 }
log: { type: stdout, format: json, level: error }
`;
}

type Started = Omit<Contender, "token"> & { readonly output: () => string };

async function start(name: Contender["name"], port: number, args: readonly string[], folder: string): Promise<Started> {
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    if (output.length < 10_000) output += chunk.toString();
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const url = `http://127.0.0.1:${port}`;
  await answering(child, url, () => output);
  return {
    name,
    url,
    startMs: Math.round(performance.now() - began),
    output: () => output,
    residentMb: () => residentMb(child),
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function contender(started: Started, token: string): Contender {
  return { ...started, token };
}

async function answering(child: ChildProcess, url: string, output: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${output()}`);
    try {
      if ((await fetch(`${url}/-/ping`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await delay(5);
  }
}

/** Source: proc(5), /proc/[pid]/status, VmRSS in kB. */
function residentMb({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
