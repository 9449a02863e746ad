import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project, type Project } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

describe("npm 11", () => {
  let dir: Awaited<ReturnType<typeof scratch>>;
  let registry: Registry;
  let wire: Project;

  const published = async (name: string, version: string, ...flags: string[]) => {
    const source = await project(dir.path, registry, {
      name,
      version,
      main: "index.js",
      description: "a wire",
      license: "MIT",
    });
    await source.write("index.js", `module.exports = ${JSON.stringify(version)};`);
    await source.write("README.md", `# ${name}`);
    return { source, result: await source.run("npm", "publish", ...flags) };
  };
  const tags = async (name: string): Promise<Record<string, string>> => {
    const response = await registry.fetch(`/-/package/${name.replace("/", "%2f")}/dist-tags`);
    return (await response.json()) as Record<string, string>;
  };

  beforeAll(async () => {
    dir = await scratch();
    registry = await startRegistry(join(dir.path, "data"), ["--no-upstream", "--registration", "open"]);
    wire = (await published("wire", "1.0.0")).source;
    await published("wire", "1.1.0", "--tag", "beta");
    await published("@acme/wire", "1.0.0");
  });
  afterAll(async () => {
    await registry.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("publish puts the version under its tag, and a first one under latest", async () => {
    expect(await tags("wire")).toEqual({ latest: "1.0.0", beta: "1.1.0" });
    expect(await tags("@acme/wire")).toEqual({ latest: "1.0.0" });
  });

  test("publish of a version that exists fails, and says why", async () => {
    const { result } = await published("wire", "1.0.0");
    expect(result.code).not.toBe(0);
    expect(result.all).toMatch(/previously published versions|published already/);
  });

  test("whoami and ping answer", async () => {
    expect((await wire.run("npm", "whoami")).stdout.trim()).toBe("admin");
    expect((await wire.run("npm", "ping")).all).toContain("PONG");
  });

  test("install fetches by tag and by range, scoped and not, and the tarball passes its integrity check", async () => {
    const app = await project(dir.path, registry, { name: "app", version: "1.0.0", private: true });
    const installed = await app.run("npm", "install", "wire@beta", "@acme/wire@^1.0.0");
    expect(installed.all).not.toContain("ERR");
    expect(installed.code).toBe(0);
    expect(await readFile(join(app.path, "node_modules/wire/index.js"), "utf8")).toContain("1.1.0");
    const lock = await readFile(join(app.path, "package-lock.json"), "utf8");
    expect(lock).toContain(`${registry.url}/@acme/wire/-/wire-1.0.0.tgz`);
    const again = await app.run("npm", "ci");
    expect(again.code).toBe(0);
  });

  test("view shows the versions, the tags and the readme's package", async () => {
    const viewed = JSON.parse((await wire.run("npm", "view", "wire", "--json")).stdout) as Record<string, unknown>;
    expect(viewed).toMatchObject({ name: "wire", versions: ["1.0.0", "1.1.0"], description: "a wire" });
  });

  test("dist-tag add, ls and rm do what they say, for the very next read", async () => {
    expect((await wire.run("npm", "dist-tag", "add", "wire@1.1.0", "next")).stdout).toContain("+next: wire@1.1.0");
    expect((await wire.run("npm", "dist-tag", "ls", "wire")).stdout).toContain("next: 1.1.0");
    expect((await wire.run("npm", "dist-tag", "rm", "wire", "next")).stdout).toContain("-next: wire@1.1.0");
    expect(await tags("wire")).not.toHaveProperty("next");
  });

  test("dist-tag rm of ten tags one by one removes ten", async () => {
    const names = Array.from({ length: 10 }, (_, index) => `ten-${index}`);
    for (const name of names) {
      await registry.fetch(`/-/package/wire/dist-tags/${name}`, {
        method: "PUT",
        body: '"1.0.0"',
        headers: { "content-type": "application/json" },
      });
    }
    for (const name of names) expect((await wire.run("npm", "dist-tag", "rm", "wire", name)).code).toBe(0);
    expect(Object.keys(await tags("wire")).filter((tag) => tag.startsWith("ten-"))).toEqual([]);
  });

  test("dist-tag add of an unknown version fails and prints the registry's words", async () => {
    const result = await wire.run("npm", "dist-tag", "add", "wire@9.9.9", "next");
    expect(result.code).not.toBe(0);
    expect(result.all).toContain("has no version 9.9.9");
  });

  test("dist-tag rm latest is refused", async () => {
    const result = await wire.run("npm", "dist-tag", "rm", "wire", "latest");
    expect(result.code).not.toBe(0);
    expect(result.all).toContain("can't be removed");
  });

  test("deprecate marks a version, and an empty message takes it back", async () => {
    expect((await wire.run("npm", "deprecate", "wire@1.0.0", "use 1.1")).code).toBe(0);
    expect((await wire.run("npm", "view", "wire@1.0.0", "deprecated")).stdout.trim()).toBe("use 1.1");
    expect((await wire.run("npm", "deprecate", "wire@1.0.0", "")).code).toBe(0);
    expect((await wire.run("npm", "view", "wire@1.0.0", "deprecated")).stdout.trim()).toBe("");
  });

  test("owner add, ls and rm", async () => {
    await registry.fetch("/-/user/org.couchdb.user:bob", {
      method: "PUT",
      body: JSON.stringify({ name: "bob", password: "correct horse", email: "bob@example.com" }),
      headers: { "content-type": "application/json" },
    });
    expect((await wire.run("npm", "owner", "add", "bob", "wire")).all).toContain("+ bob");
    expect((await wire.run("npm", "owner", "ls", "wire")).stdout).toContain("bob");
    expect((await wire.run("npm", "owner", "rm", "bob", "wire")).all).toContain("- bob");
    expect((await wire.run("npm", "owner", "ls", "wire")).stdout).not.toContain("bob");
  });

  test("star, stars' source and unstar", async () => {
    expect((await wire.run("npm", "star", "wire")).code).toBe(0);
    const starred = (await (await registry.fetch("/wire")).json()) as { users?: object };
    expect(starred.users).toEqual({ admin: true });
    expect((await wire.run("npm", "unstar", "wire")).code).toBe(0);
    const unstarred = (await (await registry.fetch("/wire")).json()) as { users?: object };
    expect(unstarred.users ?? {}).toEqual({});
  });

  test("search finds a package by a word of its description", async () => {
    const found = JSON.parse((await wire.run("npm", "search", "wire", "--json")).stdout) as { name: string }[];
    expect(found.map(({ name }) => name)).toContain("@acme/wire");
  });

  test("unpublish of one version removes it, its tag and its tarball", async () => {
    await published("gone", "1.0.0");
    await published("gone", "2.0.0");
    expect((await wire.run("npm", "unpublish", "gone@2.0.0")).code).toBe(0);
    expect(await tags("gone")).toEqual({ latest: "1.0.0" });
    expect((await registry.fetch("/gone/-/gone-2.0.0.tgz")).status).toBe(404);
    expect((await registry.fetch("/gone/-/gone-1.0.0.tgz")).status).toBe(200);
  });

  test("unpublish of a package removes it, and it may be published again", async () => {
    await published("brief", "1.0.0");
    expect((await wire.run("npm", "unpublish", "brief", "--force")).code).toBe(0);
    expect((await registry.fetch("/brief")).status).toBe(404);
    expect((await published("brief", "1.0.0")).result.code).toBe(0);
    expect(await tags("brief")).toEqual({ latest: "1.0.0" });
  });

  test("login makes an account whose token publishes, and logout revokes it", async () => {
    const answer = await fetch(`${registry.url}/-/user/org.couchdb.user:carol`, {
      method: "PUT",
      body: JSON.stringify({ name: "carol", password: "a long password", email: "carol@example.com" }),
      headers: { "content-type": "application/json" },
    });
    expect(answer.status).toBe(201);
    const { token } = (await answer.json()) as { token: string };
    const hers = await project(dir.path, { url: registry.url, token }, { name: "hers", version: "1.0.0" });
    expect((await hers.run("npm", "whoami")).stdout.trim()).toBe("carol");
    expect((await hers.run("npm", "publish")).code).toBe(0);
    expect((await hers.run("npm", "logout")).code).toBe(0);
    expect((await fetch(`${registry.url}/-/whoami`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(
      401,
    );
  });

  test("token create, list and revoke, by a user whose .npmrc had a revoked token when signing in", async () => {
    const credentials = JSON.stringify({ name: "token-holder", password: "a long password" });
    const signIn = await fetch(`${registry.url}/-/user/org.couchdb.user:token-holder`, {
      method: "PUT",
      headers: { authorization: "Bearer cbx_revoked" },
      body: credentials,
    });
    const { token } = (await signIn.json()) as { token: string };
    const holder = await project(dir.path, { ...registry, token }, { name: "token-holder", version: "1.0.0" });
    const created = await holder.run("npm", "token", "create", "--password=a long password", "--json");
    expect(created.code, created.all).toBe(0);
    const listed = await holder.run("npm", "token", "list", "--parseable");
    expect(listed.stdout.trim().split("\n")).toHaveLength(3);
    const made = (JSON.parse(created.stdout) as { token: string }).token;
    const revoked = await holder.run("npm", "token", "revoke", made);
    expect(revoked.code, revoked.all).toBe(0);
    const left = await holder.run("npm", "token", "list", "--parseable");
    expect(left.stdout.trim().split("\n")).toHaveLength(2);
    const limited = await holder.run("npm", "token", "create", "--password=a long password", "--orgs=acme");
    expect(limited.code).not.toBe(0);
  });
});
