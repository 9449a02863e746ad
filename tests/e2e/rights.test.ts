import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signUp } from "../support/accounts.ts";
import { project, type Project } from "../support/clients.ts";
import { ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";

describe("npm org, team, access and owner, and codebox access, on one machine", () => {
  let dir: Awaited<ReturnType<typeof scratch>>;
  let registry: Registry;
  let admin: Project;
  let alice: Project;
  let bob: Project;
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    dir = await scratch();
    registry = await startRegistry(join(dir.path, "data"), ["--no-upstream", "--registration", "open"]);
    const person = async (name: string) => {
      const token = await signUp(registry.url, name);
      tokens.set(name, token);
      return project(dir.path, { url: registry.url, token }, { name: `of-${name}`, version: "1.0.0", private: true });
    };
    admin = await project(dir.path, registry, { name: "admins", version: "1.0.0", private: true });
    [alice, bob] = await Promise.all([person("alice"), person("bob")]);
  });
  afterAll(async () => {
    await registry.stop();
    await dir[Symbol.asyncDispose]();
  });

  const publish = async (user: string, name: string, version: string) => {
    const of = { url: registry.url, token: tokens.get(user) ?? "" };
    return (await project(dir.path, of, { name, version, license: "MIT" })).run("npm", "publish", "--access=public");
  };
  const npm = async (who: Project, ...args: string[]) => {
    const { code, stdout, all } = await who.run("npm", ...args);
    expect(all).not.toContain("npm error");
    expect(code).toBe(0);
    return stdout;
  };
  const codebox = (...args: string[]) =>
    new Promise<{ code: number; lines: Record<string, unknown>[] }>((resolve) => {
      const bin = join(ROOT, "packages/cli/bin/codebox.mjs");
      const options = { cwd: admin.path, env: { PATH: process.env["PATH"], HOME: admin.path } };
      execFile(process.execPath, [bin, ...args, "--registry", registry.url], options, (error, stdout) => {
        const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
        const code = typeof error?.code === "number" ? error.code : 0;
        resolve({ code, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) });
      });
    });

  test("an administrator makes an organisation, and its owner a team", async () => {
    await npm(admin, "org", "set", "acme", "alice", "owner");
    await npm(alice, "org", "set", "acme", "bob", "developer");
    expect(JSON.parse(await npm(alice, "org", "ls", "acme", "--json"))).toEqual({ alice: "owner", bob: "developer" });
    await npm(alice, "team", "create", "acme:web");
    await npm(alice, "team", "add", "acme:web", "bob");
    expect(await npm(alice, "team", "ls", "acme")).toContain("acme:web");
    expect(await npm(alice, "team", "ls", "acme:web")).toContain("bob");
  });
  test("a grant lets the team publish, and revoking it ends that", async () => {
    expect((await publish("alice", "@acme/wire", "1.0.0")).code).toBe(0);
    const refused = await publish("bob", "@acme/wire", "1.1.0");
    expect(refused.code).toBe(1);
    expect(refused.all).toContain('"bob" may not publish "@acme/wire"');
    await npm(alice, "access", "grant", "read-write", "acme:web", "@acme/wire");
    expect((await publish("bob", "@acme/wire", "1.1.0")).code).toBe(0);
    expect(await npm(alice, "access", "list", "packages", "acme:web", "--json")).toContain("@acme/wire");
    expect(await npm(alice, "access", "list", "collaborators", "@acme/wire", "--json")).toContain('"bob"');
    await npm(alice, "access", "revoke", "acme:web", "@acme/wire");
    expect((await publish("bob", "@acme/wire", "1.2.0")).code).toBe(1);
  });
  test("a private package is read by its owner and not by others", async () => {
    expect((await publish("alice", "@alice/secret", "1.0.0")).code).toBe(0);
    expect(await npm(alice, "access", "set", "status=private", "@alice/secret")).toContain("private");
    expect((await bob.run("npm", "view", "@alice/secret")).all).toContain("is private");
    expect(await npm(alice, "view", "@alice/secret", "version")).toContain("1.0.0");
    expect(await npm(bob, "search", "secret", "--json")).not.toContain("@alice/secret");
  });
  test("an owner adds an owner", async () => {
    expect((await publish("alice", "cable", "1.0.0")).code).toBe(0);
    expect((await publish("bob", "cable", "1.1.0")).code).toBe(1);
    await npm(alice, "owner", "add", "bob", "cable");
    expect((await publish("bob", "cable", "1.1.0")).code).toBe(0);
  });
  test("codebox access explains a decision, with the exit code 1 for a refusal", async () => {
    expect((await codebox("access", "explain", "alice", "tag", "cable")).lines).toMatchObject([
      { allowed: true, rule: "alice owns cable" },
    ]);
    expect((await codebox("access", "explain", "carol", "tag", "cable")).code).toBe(1);
  });
  test("codebox access apply lists what other rights would allow, and applies them only without --dry-run", async () => {
    const [rights] = (await codebox("access", "show")).lines;
    const grants = [{ to: "user:carol", role: "tag", on: "**" }];
    await writeFile(join(admin.path, "rights.json"), JSON.stringify({ ...rights, grants }));
    const dry = await codebox("access", "apply", "rights.json", "--dry-run");
    expect(dry.lines).toContainEqual(
      expect.objectContaining({ who: "carol", action: "tag", package: "cable", allowed: true }),
    );
    expect((await codebox("access", "explain", "carol", "tag", "cable")).code).toBe(1);
    expect((await codebox("access", "apply", "rights.json")).code).toBe(0);
    expect((await codebox("access", "explain", "carol", "tag", "cable")).lines).toMatchObject([
      { allowed: true, rule: "user:carol has the role tag on **" },
    ]);
  });
});
