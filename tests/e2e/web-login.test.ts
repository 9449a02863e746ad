import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { browser } from "@codebox/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, signUp } from "../support/accounts.ts";
import { CLIENTS, clientEnvironment, project, type Client } from "../support/clients.ts";
import { startRegistry, scratch, type Registry } from "../support/registry.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
beforeAll(async () => {
  dir = await scratch();
  const data = join(dir.path, "data");
  // An account with a password; then a registry with closed registration, as by default.
  const open = await startRegistry(data, ["--no-upstream", "--registration", "open"]);
  await signUp(open.url, "carol");
  await open.stop();
  registry = await startRegistry(data);
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

/** Starts a client's login, signs in on the page that it names, and waits for its end. */
async function login(client: Client, args: readonly string[], act: (loginUrl: string) => Promise<void>) {
  const where = await project(
    dir.path,
    { url: registry.url },
    { name: `at-${client}-${args.length}`, version: "1.0.0" },
  );
  const home = join(where.path, "home");
  const child = spawn(process.execPath, [CLIENTS[client], "login", ...args, "--registry", `${registry.url}/`], {
    cwd: where.path,
    env: { ...clientEnvironment(home), npm_config_userconfig: join(where.path, ".npmrc") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let output = "";
  const loginUrl = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk.toString();
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/-\/login\/[0-9a-f]+/.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", () => reject(new Error(`the client ended without a URL: ${output}`)));
  });
  await act(loginUrl);
  const [code] = await exited;
  const files = await Promise.all(
    [join(where.path, ".npmrc"), join(home, ".npmrc")].map((file) => readFile(file, "utf8").catch(() => "")),
  );
  return { where, code, output, settings: files.join("\n") };
}

const asCarol = async (loginUrl: string) => {
  const page = browser(fetch);
  await page.open(loginUrl);
  expect((await page.submit("password", { name: "carol", password: PASSWORD })).status).toBe(200);
};

test("npm login signs in with the page that it names, and the token in .npmrc works until npm logout", async () => {
  const { where, code, output, settings } = await login("npm", ["--auth-type=web"], asCarol);
  expect(code, output).toBe(0);
  const [, token] = /:_authToken=(cbx_\S+)/.exec(settings) ?? [];
  expect((await where.run("npm", "whoami")).stdout.trim()).toBe("carol");
  const out = await where.run("npm", "logout");
  expect(out.code, out.all).toBe(0);
  const asked = await fetch(`${registry.url}/-/whoami`, { headers: { authorization: `Bearer ${token}` } });
  expect(asked.status).toBe(401);
});
test("npm login ends without a token when the person refuses", async () => {
  const { code, settings } = await login("npm", ["--auth-type=web", "--loglevel=http"], async (loginUrl) => {
    const page = browser(fetch);
    await page.open(loginUrl);
    await page.submit("refuse", {});
  });
  expect(code).not.toBe(0);
  expect(settings).not.toContain("cbx_");
});
test("pnpm login signs in with the page that it names", async () => {
  const { code, output } = await login("pnpm", [], asCarol);
  expect(code, output).toBe(0);
});
