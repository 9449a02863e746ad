import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { systemClock, systemIds } from "@codebox/system";
import { describe, expect, test } from "vitest";
import { connectBucket } from "../src/connect.ts";
import { createOutput } from "../src/output.ts";
import { runCli } from "../src/program.ts";
import { never } from "./support.ts";

async function run(argv: readonly string[], env: Record<string, string> = {}, isTTY = false) {
  let stdout = "";
  let stderr = "";
  const code = await runCli(argv, {
    env,
    cwd: "/nowhere",
    execPath: process.execPath,
    platform: process.platform,
    sinks: { stdout: { isTTY, write: (text) => (stdout += text) }, stderr: { write: (text) => (stderr += text) } },
    clock: systemClock,
    ids: systemIds,
    ask: async () => "",
    signal: never,
  });
  return { code, stdout, stderr };
}

const COMMANDS = [
  "domain",
  "encrypt",
  "index",
  "verify",
  "remove-storage",
  "publish",
  "dead-letters list",
  "dead-letters show",
  "dead-letters redrive",
  "tags history",
  "tags undo",
  "tags restore",
  "tags approve",
  "tags rules",
  "token add",
  "token list",
  "token revoke",
  "access show",
  "access explain",
  "access apply",
  "access decide",
];

describe("the command line", () => {
  test.each(COMMANDS)("%s says how it is called", async (command) => {
    const { code, stdout } = await run([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: codebox ${command}`);
  });
  test("--help names every command", async () => {
    const { code, stdout } = await run(["--help"]);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command.split(" ")[0]}`);
  });
  test.each([
    [["nonsense"], /unknown command/],
    [["verify", "--nonsense"], /unknown option/],
    [["domain"], /missing required argument/],
    [["verify"], /--bucket is missing.*CODEBOX_BUCKET/],
    [["domain", "ftp://x", "--bucket", "b"], /no URL of a registry/],
    [["domain", "https://x/?y", "--bucket", "b"], /query/],
    [["index", "--bucket", "b"], /--url/],
    [["verify", "--bucket", "b", "--concurrency", "0"], /1 to 100/],
    [["verify", "--bucket", "b", "--kms-key", "alias/x"], /not the alias/],
    [["dead-letters", "list"], /--dead-letters-url is missing/],
    [["dead-letters", "redrive", "x", "--dead-letters-url", "http://q"], /--queue-url is missing/],
    [
      ["dead-letters", "redrive", "x", "--dead-letters-url", "http://q", "--queue-url", "http://q"],
      /--bucket is missing/,
    ],
    [["dead-letters", "redrive", "x", "--all"], /not both/],
    [["token", "add", "alice", "--expires", "0", "--bucket", "b"], /1 to 3650 days/],
    [["token", "add", "alice", "--cidr", "10.1", "--bucket", "b"], /a network such as/],
    [["token", "add", "alice", "--scope", "acme", "--bucket", "b"], /a scope, such as/],
    [["token", "add", "../alice", "--bucket", "b"], /a user name/],
    [["token", "revoke", "xyz", "--bucket", "b"], /its hash/],
    [["access", "explain", "alice", "fly", "--bucket", "b"], /no action; there are read/],
    [["access", "apply", "missing.json", "--bucket", "b"], /can't be read/],
    [["access", "decide", "maybe", "--bucket", "b"], /"owners" or "open"/],
    [[], /Usage: codebox/],
  ])("%j is wrong use: exit code 2, and stderr says how to fix it", async (argv, message) => {
    const { code, stdout, stderr } = await run(argv);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
  });
  test("an empty variable is one that is not set", async () => {
    expect((await run(["verify"], { CODEBOX_BUCKET: "" })).code).toBe(2);
    const connected = connectBucket({ endpoint: "http://127.0.0.1:1" }, { CODEBOX_BUCKET: "b", CODEBOX_KMS_KEY: "" });
    expect(connected).toMatchObject({ bucket: "b" });
    expect(connected).not.toHaveProperty("kmsKey");
  });
});

describe("output", () => {
  const sinks = (isTTY: boolean) => {
    let text = "";
    return {
      stdout: { isTTY, write: (more: string) => (text += more) },
      stderr: { write: () => {} },
      text: () => text,
    };
  };
  test("a pipe gets a JSON line each, no colour, no progress", () => {
    const to = sinks(false);
    const output = createOutput(to, {});
    output.progress("…");
    output.record({ a: 1 }, output.style("red", "a"));
    output.table([{ b: 2 }], ["b"]);
    output.summary({ c: 3 });
    expect(to.text()).toBe('{"a":1}\n{"b":2}\n{"summary":true,"c":3}\n');
  });
  test("a terminal gets words in colour, tables, and progress that the next line overwrites", () => {
    const to = sinks(true);
    const output = createOutput(to, {});
    output.progress("half");
    output.record({ a: 1 }, output.style("red", "a"));
    output.record({ silent: true });
    output.table([{ b: 2 }], ["b"]);
    expect(to.text()).toContain("half\r\u001b[2K\u001b[31ma\u001b[39m\n");
    expect(to.text()).toContain("│ 2");
    expect(to.text()).not.toContain("silent");
  });
  test("NO_COLOR is respected", () => {
    expect(createOutput(sinks(true), { NO_COLOR: "1" }).style("red", "a")).toBe("a");
  });
});

describe("the bin", () => {
  const BIN = join(import.meta.dirname, "../bin/codebox.mjs");
  test("runs under this Node", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [BIN, "--help"]);
    expect(stdout).toContain("remove-storage");
  });
  test("says what it needs where Node is older: it is plain JavaScript, and loads the rest only then", async () => {
    const old = `data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.20.2" })`;
    const failure = await promisify(execFile)(process.execPath, ["--import", old, BIN, "verify"]).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/needs Node 24 or newer; this is Node 20\.20\.2/) as string,
    });
    expect(await readFile(BIN, "utf8")).not.toMatch(/\?\?=|\busing\b|import .*\.ts"/);
  });
});
