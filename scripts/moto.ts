// moto, an emulator of AWS, in its own virtual environment: `.venv/`, created from tests/aws/requirements.txt.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const VENV = join(ROOT, ".venv");
const REQUIREMENTS = join(ROOT, "tests/aws/requirements.txt");

/** The virtual environment's interpreter. It has moto, and boto3 for tests that act as another service. */
export const PYTHON = join(VENV, "bin/python");

/** The oldest Python version that the pinned requirements support. */
export const PYTHON_LEAST = "3.11";

/** The emulator accepts any credentials. */
export const MOTO_CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" } as const;
export const MOTO_REGION = "eu-central-1";

export type Moto = { readonly endpoint: string; readonly process: ChildProcess; stop(): Promise<void> };

/** Creates the virtual environment, unless it already exists for these requirements. pip checks every file's hash. */
export async function installMoto(): Promise<void> {
  const wanted = createHash("sha256")
    .update(await readFile(REQUIREMENTS))
    .digest("hex");
  const stamp = join(VENV, "requirements.sha256");
  const present = await readFile(stamp, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (present === wanted) return;
  await rm(VENV, { recursive: true, force: true });
  await mkdir(VENV, { recursive: true });
  const python = process.env["PYTHON"] ?? "python3";
  try {
    await run(python, ["-m", "venv", VENV]);
  } catch (error) {
    const advice = `install Python ${PYTHON_LEAST} or newer with its venv module`;
    throw new Error(`${python} can't create a virtual environment; ${advice}`, { cause: error });
  }
  const flags = ["--quiet", "--disable-pip-version-check", "--require-hashes", "-r", REQUIREMENTS];
  await run(PYTHON, ["-m", "pip", "install", ...flags], { maxBuffer: 64 * 1024 * 1024 });
  await writeFile(stamp, wanted);
}

/** Starts moto on a free port of 127.0.0.1 and waits until it listens. */
export async function startMoto(): Promise<Moto> {
  const child = spawn(PYTHON, [join(import.meta.dirname, "moto_atomic.py")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PYTHONUNBUFFERED: "1" },
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
    child.once("exit", (code) => reject(new Error(`moto ended with ${code}: ${lines.join("\n")}`)));
    if (!child.stderr) throw new Error("moto has no stderr");
    // Always read all output: a full pipe would block the server.
    createInterface(child.stderr).on("line", (line) => {
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
      else if (lines.length < 50) lines.push(line);
    });
  });
}

if (import.meta.main) {
  await installMoto();
  console.log(`moto is installed in ${VENV}`);
}
