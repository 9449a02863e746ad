import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import process from "node:process";

export const ROOT = new URL("../..", import.meta.url).pathname;
export const MAIN = join(ROOT, "packages/server/src/main.ts");

export type Registry = {
  readonly url: string;
  /** Of the user `admin`. */
  readonly token: string;
  /** How to make a token, where the start made none. */
  readonly hint?: string | undefined;
  /** The file that has the token, where the start made one. */
  readonly tokenFile?: string | undefined;
  readonly data: string;
  readonly process: ChildProcess;
  /** A request with the token. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: no time for anything. */
  kill(): Promise<void>;
};

/** Starts the real server, as `npm start` does, on a free port of 127.0.0.1, and waits until it listens. @param descriptors how many files and sockets it may have open */
export async function startRegistry(
  data: string,
  flags: readonly string[] = ["--no-upstream"],
  knownToken?: string,
  descriptors?: number,
  nodeFlags: readonly string[] = [],
  main: string = MAIN,
): Promise<Registry> {
  const server = [process.execPath, ...nodeFlags, main, "--port", "0", "--data", data, ...flags];
  const limited =
    descriptors === undefined ? server : ["sh", "-c", `ulimit -n ${descriptors}; exec "$0" "$@"`, ...server];
  const [command = "", ...args] = limited;
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const { url, tokenFile, hint } = await listening(child, () => errors);
  const bearer = tokenFile === undefined ? (knownToken ?? "") : await readToken(tokenFile);
  const exited = once(child, "exit") as Promise<[number | null]>;
  return {
    url,
    token: bearer,
    hint,
    tokenFile,
    data,
    process: child,
    fetch: (path, init = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${bearer}`, ...(init.headers as Record<string, string>) },
      }),
    async stop() {
      child.kill("SIGTERM");
      return (await exited)[0];
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** The token in a file that the start wrote. */
export const readToken = async (file: string): Promise<string> => (await readFile(file, "utf8")).trim();

type Listening = { readonly url: string; readonly tokenFile?: string; readonly hint?: string };

function listening(child: ChildProcess, errors: () => string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${errors()}`)));
    if (!child.stdout) throw new Error("no stdout");
    createInterface(child.stdout).on("line", (line) => {
      const entry = JSON.parse(line) as Listening & { event?: string };
      if (entry.event === "listening") resolve(entry);
    });
  });
}

/** A directory that is gone after the test. */
export async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "codebox-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}
