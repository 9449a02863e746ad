// ministack, an emulator of AWS that evaluates IAM's policies, in its own virtual environment: `.venv-ministack/`.
import { join } from "node:path";
import { installPython, startPython, type PythonServer } from "./python-server.ts";

const ROOT = join(import.meta.dirname, "..");
const VENV = join(ROOT, ".venv-ministack");

/** The account's root user, who may do everything. */
export const ROOT_CREDENTIALS = { accessKeyId: "testing", secretAccessKey: "testing" } as const;

/** Creates the virtual environment, unless it already exists. */
export function installMinistack(): Promise<void> {
  return installPython(VENV, join(ROOT, "tests/aws/ministack/requirements.txt"));
}

/** Starts ministack for one account on a free port of 127.0.0.1 and waits until it listens. Nothing is kept when it stops. */
export function startMinistack({ account, region }: { account: string; region: string }): Promise<PythonServer> {
  const args = ["-m", "hypercorn", "ministack.app:app", "--bind", "127.0.0.1:0"];
  return startPython(VENV, args, {
    AUTH: "true",
    AWS_ACCESS_KEY_ID: ROOT_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT_CREDENTIALS.secretAccessKey,
    MINISTACK_ACCOUNT_ID: account,
    MINISTACK_REGION: region,
  });
}
