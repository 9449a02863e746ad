import { spawn, spawnSync } from "node:child_process";
import type { Place, Result } from "../support/clients.ts";

/** Whether this machine has util-linux's `script`. BSD's takes other flags. */
export const hasTerminal: boolean =
  spawnSync("script", ["--version"]).stdout?.toString().includes("util-linux") ?? false;

/** An answer to a prompt: when the pattern is on the screen, the text and Enter are typed. */
export type Prompt = readonly [when: RegExp, type: string];

/**
 * Runs a command in a pseudo terminal, by `script` of util-linux, and answers its prompts in their order.
 *
 * @example await inTerminal(["npm", "login"], { cwd, env }, [[/Username/, "bob"], [/Password/, "a long password"]])
 */
export function inTerminal(command: readonly string[], where: Place, prompts: readonly Prompt[]): Promise<Result> {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = spawn("script", ["-qefc", quoted, "/dev/null"], { ...where, stdio: ["pipe", "pipe", "pipe"] });
  const left = [...prompts];
  let stdout = "";
  let seen = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    const [next] = left;
    const shown = next?.[0].exec(stdout.slice(seen));
    if (!next || !shown) return;
    seen = stdout.length;
    left.shift();
    child.stdin.write(`${next[1]}\r`);
  });
  child.stdin.on("error", () => {});
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill("SIGTERM"), 60_000);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, stdout, stderr: "", all: stdout });
    });
  });
}
