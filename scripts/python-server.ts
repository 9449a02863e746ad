// A server from a Python package, in a virtual environment of its own that is created from pinned requirements.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The oldest Python version that the pinned requirements support. */
export const PYTHON_LEAST = "3.11";

export type PythonServer = { readonly endpoint: string; readonly process: ChildProcess; stop(): Promise<void> };

/** The interpreter of a virtual environment. */
export const pythonOf = (venv: string): string => join(venv, "bin/python");

/** Creates the virtual environment, unless it already exists for these requirements. pip checks every file's hash. */
export async function installPython(venv: string, requirements: string): Promise<void> {
  const wanted = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  const stamp = join(venv, "requirements.sha256");
  const present = await readFile(stamp, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (present === wanted) return;
  await rm(venv, { recursive: true, force: true });
  await mkdir(venv, { recursive: true });
  const python = process.env["PYTHON"] ?? "python3";
  try {
    await run(python, ["-m", "venv", venv]);
  } catch (error) {
    const advice = `install Python ${PYTHON_LEAST} or newer with its venv module`;
    throw new Error(`${python} can't create a virtual environment; ${advice}`, { cause: error });
  }
  const flags = ["--quiet", "--disable-pip-version-check", "--require-hashes", "-r", requirements];
  await run(pythonOf(venv), ["-m", "pip", "install", ...flags], { maxBuffer: 64 * 1024 * 1024 });
  await writeFile(stamp, wanted);
}

/** Starts a server and waits until it says where on 127.0.0.1 it listens. */
export async function startPython(
  venv: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<PythonServer> {
  const child = spawn(pythonOf(venv), args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PYTHONUNBUFFERED: "1", ...env },
  });
  const exited = once(child, "exit");
  const endpoint = await listening(child);
  return {
    endpoint,
    process: child,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${lines.join("\n")}`)));
    if (!child.stderr) throw new Error("the server has no stderr");
    // Always read all output: a full pipe would block the server.
    createInterface(child.stderr).on("line", (line) => {
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
      else if (lines.length < 50) lines.push(line);
    });
  });
}
