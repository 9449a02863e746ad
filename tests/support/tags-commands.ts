import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { runCli } from "@codebox/cli";
import { systemClock, systemIds } from "@codebox/system";
import { expect } from "vitest";
import { publish, putTag } from "./load.ts";
import type { Registry } from "./registry.ts";

type Target = Pick<Registry, "url" | "token" | "fetch">;
type Run = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
};

/** Runs a command line with the registry and the token in the `.npmrc` of `cwd`. */
export async function codebox(cwd: string, argv: readonly string[], terminal = false): Promise<Run> {
  let stdout = "";
  let stderr = "";
  const code = await runCli(argv, {
    env: { HOME: cwd, NO_COLOR: "1" },
    cwd,
    execPath: process.execPath,
    platform: process.platform,
    sinks: {
      stdout: { isTTY: terminal, write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
    clock: systemClock,
    ids: systemIds,
    ask: async () => "",
    signal: new AbortController().signal,
  });
  const json = stdout.split("\n").filter((line) => line.startsWith("{"));
  return { code, stdout, stderr, lines: json.map((line) => JSON.parse(line) as Run["lines"][number]) };
}

async function writeNpmrc(cwd: string, { url, token }: Pick<Registry, "url" | "token">): Promise<void> {
  await writeFile(join(cwd, ".npmrc"), `registry=${url}/\n${url.replace(/^https?:/, "")}/:_authToken=${token}\n`);
}

/** Moves a tag, reads its history, takes the move back and returns to an earlier time, all with `codebox tags`. */
export async function expectTagsCommands(registry: Target, cwd: string): Promise<void> {
  await writeNpmrc(cwd, registry);
  const name = "@acme/tags";
  const run = (...argv: string[]) => codebox(cwd, ["tags", ...argv]);
  const tags = async () => (await registry.fetch(`/-/package/${name}/dist-tags`)).json();
  for (const version of ["1.0.0", "1.1.0"]) await publish(registry, name, version);
  await putTag(registry, name, "latest", "1.0.0");

  const history = await run("history", name);
  expect(history).toMatchObject({ code: 0, stderr: "" });
  expect(history.lines[0]).toMatchObject({ sequence: 3, tags: { latest: { from: "1.1.0", to: "1.0.0" } } });
  const table = await codebox(cwd, ["tags", "history", name, "--limit", "1"], true);
  expect(table.stdout).toMatch(/change.*when.*who.*what.*name.*from.*to.*why/);
  expect(table.stdout).toMatch(/3 .*tag\.put .*latest .*1\.1\.0 .*1\.0\.0/);

  expect((await run("undo", name, "3", "--dry-run")).lines).toMatchObject([{ "dist-tags": { latest: "1.1.0" } }]);
  expect(await tags()).toEqual({ latest: "1.0.0" });
  expect(await run("undo", name, "3", "--message", "see ü")).toMatchObject({ code: 0, stderr: "" });
  expect(await tags()).toEqual({ latest: "1.1.0" });
  expect((await run("history", name)).lines[0]).toMatchObject({ type: "tags.undo", why: { message: "see ü" } });

  expect(await run("restore", name, "3")).toMatchObject({ code: 0, stderr: "" });
  expect(await tags()).toEqual({ latest: "1.0.0" });
  await writeFile(join(cwd, "rules.json"), JSON.stringify([{ tags: "latest", forward: true }]));
  const trial = await run("rules", name, "--set", "rules.json", "--dry-run");
  expect(trial.lines[0]).toMatchObject({ sequence: 5, tag: "latest", from: "1.1.0", to: "1.0.0" });
  expect(trial.lines.at(-1)).toMatchObject({ summary: true, wouldHaveRefused: 2 });
  expect((await run("rules", name)).stderr).toContain("has no rules");
  expect(await run("rules", name, "--set", "rules.json")).toMatchObject({ code: 0, stderr: "" });
  expect((await run("rules", name)).lines).toEqual([{ tags: "latest", forward: true }]);
  const scope = name.slice(0, name.indexOf("/"));
  const trials = await run("rules", "--scope", scope, "--set", "rules.json", "--dry-run");
  expect(trials.lines.at(-1)).toMatchObject({ summary: true, packages: 1, wouldHaveRefused: 2, dryRun: true });
  expect(trials.lines[0]).toMatchObject({ package: name, tag: "latest" });
  expect((await run("rules", "--scope", scope)).stderr).toContain("has no rules");
  expect((await run("rules", name, "--scope", scope)).code).toBe(2);
  await putTag(registry, name, "latest", "1.1.0");
  expect((await putTag(registry, name, "latest", "1.0.0")).status).toBe(403);

  const refused = await run("undo", name, "99");
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain(`the history of ${name} has no change 99`);
}
