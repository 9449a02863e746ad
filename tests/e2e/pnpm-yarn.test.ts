import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project, type Client } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

/** What differs between the two is how a command is spelled. */
const SPELLING: Readonly<
  Record<Exclude<Client, "npm">, Record<"publish" | "add" | "tag" | "untag" | "tags", readonly string[]>>
> = {
  pnpm: {
    publish: ["publish", "--no-git-checks"],
    add: ["add"],
    tag: ["dist-tag", "add"],
    untag: ["dist-tag", "rm"],
    tags: ["dist-tag", "ls"],
  },
  yarn: {
    publish: ["npm", "publish"],
    add: ["add"],
    tag: ["npm", "tag", "add"],
    untag: ["npm", "tag", "remove"],
    tags: ["npm", "tag", "list"],
  },
};

describe.each(["pnpm", "yarn"] as const)("%s", (client) => {
  const words = SPELLING[client];
  const name = `@acme/${client}-wire`;
  let dir: Awaited<ReturnType<typeof scratch>>;
  let registry: Registry;

  const source = async (version: string) => {
    const made = await project(dir.path, registry, { name, version, main: "index.js", license: "MIT" });
    await made.write("index.js", `module.exports = ${JSON.stringify(version)};`);
    // yarn wants its lock file to know the project before it publishes from it.
    if (client === "yarn") await made.run("yarn", "install");
    return made;
  };
  const tags = async () =>
    (await (await registry.fetch(`/-/package/${name.replace("/", "%2f")}/dist-tags`)).json()) as Record<string, string>;

  beforeAll(async () => {
    dir = await scratch();
    registry = await startRegistry(join(dir.path, "data"));
    for (const version of ["1.0.0", "1.1.0"]) {
      const result = await (await source(version)).run(client, ...words.publish);
      if (result.code !== 0) throw new Error(result.all);
    }
  });
  afterAll(async () => {
    await registry.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("publish makes both versions and moves latest", async () => {
    expect(await tags()).toEqual({ latest: "1.1.0" });
  });

  test("publish of a version that exists is refused, although the client does not look first", async () => {
    const result = await (await source("1.0.0")).run(client, ...words.publish);
    const before = await registry.fetch(`/${name.replace("/", "%2f")}`);
    expect(Object.keys(((await before.json()) as { versions: object }).versions)).toEqual(["1.0.0", "1.1.0"]);
    if (client === "yarn") expect(result.all).toContain("published already");
  });

  test("add installs what was published", async () => {
    const app = await project(dir.path, registry, { name: `${client}-app`, version: "1.0.0", private: true });
    const result = await app.run(client, ...words.add, `${name}@1.0.0`);
    expect(result.code, result.all).toBe(0);
    expect(await readFile(join(app.path, "node_modules", name, "index.js"), "utf8")).toContain("1.0.0");
  });

  test("a tag is added, listed and removed", async () => {
    const project1 = await source("1.0.0");
    const added = await project1.run(client, ...words.tag, `${name}@1.0.0`, "old");
    expect(added.code, added.all).toBe(0);
    expect(await tags()).toEqual({ latest: "1.1.0", old: "1.0.0" });
    expect((await project1.run(client, ...words.tags, name)).stdout).toContain("old");
    const removed = await project1.run(client, ...words.untag, name, "old");
    expect(removed.code, removed.all).toBe(0);
    expect(await tags()).toEqual({ latest: "1.1.0" });
  });

  test("a tag on an unknown version fails with the registry's words", async () => {
    const result = await (await source("1.0.0")).run(client, ...words.tag, `${name}@7.7.7`, "old");
    expect(result.code).not.toBe(0);
    expect(result.all).toContain("has no version 7.7.7");
  });
});
