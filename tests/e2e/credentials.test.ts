import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, signUp } from "../support/accounts.ts";
import { CLIENTS, project, type Client } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
/** Of the user bob. */
let token: string;

beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(join(dir.path, "data"), ["--no-upstream", "--registration", "open"]);
  token = await signUp(registry.url, "bob");
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

/** A project that has these settings, and no token. */
async function projectWith(name: string, settings: readonly string[], yarnSettings: readonly string[] = []) {
  const host = registry.url.replace(/^http:/, "");
  const made = await project(dir.path, registry, { name, version: "1.0.0", license: "MIT" });
  await made.write(".npmrc", [`registry=${registry.url}/`, ...settings.map((line) => `${host}/:${line}`)].join("\n"));
  const yarn = [
    `npmRegistryServer: "${registry.url}"`,
    `unsafeHttpWhitelist: ["127.0.0.1"]`,
    "enableImmutableInstalls: false",
    ...yarnSettings,
  ];
  await made.write(".yarnrc.yml", yarn.join("\n"));
  return made;
}
const publisher = async (name: string) => {
  const { versions } = (await (await registry.fetch(`/${name}`)).json()) as {
    versions: Record<string, { _npmUser: { name: string } }>;
  };
  return versions["1.0.0"]?._npmUser.name;
};

test.each<readonly [Client, string, () => readonly string[]]>([
  ["npm", "_auth of a name and a password", () => [`_auth=${base64(`bob:${PASSWORD}`)}`]],
  ["npm", "_auth of a name and a token", () => [`_auth=${base64(`bob:${token}`)}`]],
  ["npm", "a user name and _password", () => ["username=bob", `_password=${base64(PASSWORD)}`]],
  ["pnpm", "_auth of a name and a password", () => [`_auth=${base64(`bob:${PASSWORD}`)}`]],
])("%s publishes with %s", async (client, label, settings) => {
  const name = `${client}-${label.toLowerCase().replaceAll(/\W+/g, "-").replaceAll("_", "")}`;
  const source = await projectWith(name, settings());
  const result = await source.run(client, "publish", ...(client === "pnpm" ? ["--no-git-checks"] : []));
  expect(result.code, result.all).toBe(0);
  expect(await publisher(name)).toBe("bob");
});

test("yarn publishes with npmAuthIdent", async () => {
  const source = await projectWith("yarn-ident", [], [`npmAuthIdent: "bob:${PASSWORD}"`]);
  await source.run("yarn", "install");
  const result = await source.run("yarn", "npm", "publish");
  expect(result.code, result.all).toBe(0);
  expect(await publisher("yarn-ident")).toBe("bob");
});

test("a wrong password in _auth is reported as a wrong password", async () => {
  const source = await projectWith("wrong", [`_auth=${base64("bob:another password")}`]);
  const result = await source.run("npm", "publish");
  expect(result.code).not.toBe(0);
  expect(result.all).toContain("Incorrect or missing password");
});

/** Runs npm, and answers its prompts in turn. */
async function answering(cwd: string, args: readonly string[], answers: readonly string[]) {
  const env = { PATH: process.env["PATH"], HOME: dir.path, NO_COLOR: "1" };
  const child = spawn(process.execPath, [CLIENTS.npm, ...args], { cwd, env });
  const left = [...answers];
  let all = "";
  const read = (chunk: Buffer) => {
    all += chunk.toString();
    if (all.endsWith(": ")) child.stdin.write(`${left.shift()}\n`);
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, all };
}

test("npm profile set password changes the password; with a wrong old one it says so", async () => {
  const source = await project(dir.path, { ...registry, token }, { name: "changing", version: "1.0.0" });
  const change = (old: string, chosen: string) =>
    answering(source.path, ["profile", "set", "password"], [old, chosen, chosen]);
  const wrong = await change("another password", "a longer password");
  expect(wrong.code, wrong.all).not.toBe(0);
  expect(wrong.all).toContain("Incorrect or missing password");
  const changed = await change(PASSWORD, "a longer password");
  expect(changed.code, changed.all).toBe(0);
  const restored = await change("a longer password", PASSWORD);
  expect(restored.code, restored.all).toBe(0);
});

test("npm logout twice ends with 0 both times: the second token is unknown by then", async () => {
  const source = await project(dir.path, { ...registry, token }, { name: "leaving", version: "1.0.0" });
  expect((await source.run("npm", "logout")).code).toBe(0);
  await source.write(
    ".npmrc",
    `registry=${registry.url}/\n${registry.url.replace(/^http:/, "")}/:_authToken=${token}\n`,
  );
  const again = await source.run("npm", "logout");
  expect(again.code, again.all).toBe(0);
});
