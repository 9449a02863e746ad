// moto, an emulator of AWS, in its own virtual environment: `.venv/`, created from tests/aws/requirements.txt.
import { join } from "node:path";
import { installPython, pythonOf, startPython, type PythonServer } from "./python-server.ts";

const ROOT = join(import.meta.dirname, "..");
const VENV = join(ROOT, ".venv");

/** The virtual environment's interpreter. It has moto, and boto3 for tests that act as another service. */
export const PYTHON = pythonOf(VENV);

/** The emulator accepts any credentials. */
export const MOTO_CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" } as const;
export const MOTO_REGION = "eu-central-1";

/** Creates the virtual environment, unless it already exists. */
export function installMoto(): Promise<void> {
  return installPython(VENV, join(ROOT, "tests/aws/requirements.txt"));
}

/** Starts moto on a free port of 127.0.0.1 and waits until it listens. */
export function startMoto(): Promise<PythonServer> {
  return startPython(VENV, [join(import.meta.dirname, "moto_atomic.py")]);
}

if (import.meta.main) {
  await installMoto();
  console.log(`moto is installed in ${VENV}`);
}
