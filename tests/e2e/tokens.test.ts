import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD, signUp } from "../support/accounts.ts";
import { project, type Project } from "../support/clients.ts";
import { ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";

describe("npm token, and codebox token on one machine", () => {
  let dir: Awaited<ReturnType<typeof scratch>>;
  let registry: Registry;
  let bob: Project;
  let admin: Project;

  beforeAll(async () => {
    dir = await scratch();
    registry = await startRegistry(join(dir.path, "data"), ["--no-upstream", "--registration", "open"]);
    const token = await signUp(registry.url, "bob");
    bob = await project(dir.path, { url: registry.url, token }, { name: "bobs", version: "1.0.0", private: true });
    admin = await project(dir.path, registry, { name: "admins", version: "1.0.0", private: true });
  });
  afterAll(async () => {
    await registry.stop();
    await dir[Symbol.asyncDispose]();
  });

  const create = async (...flags: string[]) => {
    const { code, stdout, all } = await bob.run("npm", "token", "create", "--json", `--password=${PASSWORD}`, ...flags);
    expect(all).not.toContain("ERR");
    expect(code).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown> & { token: string };
  };
  const codebox = async (...args: string[]) => {
    const bin = join(ROOT, "packages/cli/bin/codebox.mjs");
    const { PATH } = process.env;
    const options = { cwd: admin.path, env: { PATH, HOME: admin.path } };
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args, "--registry", registry.url], options);
    return stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  test("create sends every flag, and the token has the limits", async () => {
    const made = await create(
      "--name=ci",
      "--token-description=of the build",
      "--expires=7",
      "--packages=wire",
      "--packages=left",
      "--scopes=@acme",
      "--packages-and-scopes-permission=read-write",
      "--cidr=127.0.0.0/8",
    );
    expect(made).toMatchObject({
      name: "ci",
      description: "of the build",
      packages: ["wire", "left"],
      scopes: ["@acme"],
      packages_and_scopes_permission: "read-write",
      cidr_whitelist: ["127.0.0.0/8"],
    });
    const publish = async (name: string) => {
      const source = await project(dir.path, { url: registry.url, token: made.token }, { name, version: "1.0.0" });
      return source.run("npm", "publish", "--access=public");
    };
    expect((await publish("@acme/wire")).code).toBe(0);
    const refused = await publish("other");
    expect(refused.code).toBe(1);
    expect(refused.all).toContain('this token is not for the package "other", only for wire, left, @acme/*');
  });
  test("a stage-only token is refused with a text that says what to use instead", async () => {
    const { token } = await create(
      "--name=stage",
      "--packages-all",
      "--packages-and-scopes-permission=read-write-stage-only",
    );
    const source = await project(dir.path, { url: registry.url, token }, { name: "staged", version: "1.0.0" });
    const refused = await source.run("npm", "publish");
    expect(refused.code).toBe(1);
    expect(refused.all).toContain("this token may only stage versions for approval");
  });
  test("list and revoke show and end a token, by its id and by itself", async () => {
    const [one, two] = [await create("--name=one"), await create("--name=two", "--cidr=127.0.0.1/32,10.0.0.0/8")];
    const listed = await bob.run("npm", "token", "list");
    expect(listed.stdout).toContain("name one");
    expect(listed.stdout).toContain("with IP whitelist: 127.0.0.1/32,10.0.0.0/8");
    const parsed = JSON.parse((await bob.run("npm", "token", "list", "--json")).stdout) as {
      name: string;
      key: string;
    }[];
    const key = parsed.find(({ name }) => name === "one")?.key ?? "";
    expect((await bob.run("npm", "token", "revoke", key)).code).toBe(0);
    expect((await bob.run("npm", "token", "revoke", two.token)).code).toBe(0);
    for (const { token } of [one, two]) {
      const headers = { authorization: `Bearer ${token}` };
      expect((await fetch(`${registry.url}/-/whoami`, { headers })).status).toBe(401);
    }
  });
  test("codebox token list and revoke are for the operator: everybody's tokens, with their last use", async () => {
    const { token } = await create("--name=stolen", "--expires=1");
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${registry.url}/-/whoami`, { headers })).status).toBe(200);
    const stolen = (await codebox("token", "list")).find(({ label }) => label === "stolen");
    expect(stolen).toMatchObject({
      user: "bob",
      access: "read and write",
      lastUsed: expect.stringMatching(/^\d{4}/) as string,
    });
    expect(await codebox("token", "revoke", String(stolen?.["hash"]))).toMatchObject([{ user: "bob", revoked: true }]);
    expect((await fetch(`${registry.url}/-/whoami`, { headers })).status).toBe(401);
    expect((await codebox("token", "list", "bob")).map(({ label }) => label)).not.toContain("stolen");
  });
});
