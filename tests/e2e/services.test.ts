import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project, type Client } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";
import { startUpstreamRegistry, type UpstreamRegistry } from "../support/upstream.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
let upstream: UpstreamRegistry;

beforeAll(async () => {
  dir = await scratch();
  upstream = await startUpstreamRegistry();
  registry = await startRegistry(join(dir.path, "data"), ["--upstream", upstream.url]);
});
afterAll(async () => {
  await registry.stop();
  upstream.close();
  await dir[Symbol.asyncDispose]();
});

/** npm 11 and yarn 4 ask for names and versions, pnpm 10 for a tree. */
const AUDITS: readonly (readonly [Client, readonly string[], readonly string[]])[] = [
  ["npm", ["install", "left"], ["audit"]],
  ["pnpm", ["add", "left"], ["audit"]],
  ["yarn", ["add", "left"], ["npm", "audit"]],
];
describe.each(AUDITS)("an audit by %s", (client, add, audit) => {
  test("reports the upstream's advisory, and exits with 1", async () => {
    const app = await project(dir.path, registry, { name: `${client}-audited`, version: "1.0.0", private: true });
    const added = await app.run(client, ...add);
    expect(added.code, added.all).toBe(0);
    const result = await app.run(client, ...audit);
    expect(result.all).toContain("left leans too far");
    expect(result.code).toBe(1);
  });
  test("fails where nobody can check, and does not say that nothing was found", async () => {
    const alone = await startRegistry(join(dir.path, `alone-${client}`), ["--no-upstream"]);
    const app = await project(dir.path, registry, { name: `${client}-unchecked`, version: "1.0.0", private: true });
    const added = await app.run(client, ...add);
    expect(added.code, added.all).toBe(0);
    await app.write(".npmrc", npmrc(alone));
    const yarnrc = `npmRegistryServer: "${alone.url}"\nunsafeHttpWhitelist: ["127.0.0.1"]\n`;
    await app.write(".yarnrc.yml", yarnrc);
    const result = await app.run(client, ...audit);
    expect(result.code, result.all).not.toBe(0);
    expect(result.all).toMatch(/nobody can check|502/);
    expect(result.all).not.toMatch(/found 0 vulnerabilities|No (known vulnerabilities found|audit suggestions)/);
    await alone.stop();
  });
});

describe("npm 11", () => {
  const published = async (name: string) => {
    const source = await project(dir.path, registry, { name, version: "1.0.0", description: "leans", license: "MIT" });
    const result = await source.run("npm", "publish");
    expect(result.code, result.all).toBe(0);
    return source;
  };
  const answer = async (...args: string[]) => {
    const app = await project(dir.path, registry, { name: "asking", version: "1.0.0", private: true });
    const result = await app.run("npm", ...args, "--json");
    expect(result.code, result.all).toBe(0);
    return JSON.parse(result.stdout) as unknown;
  };

  test("search shows the registry's own packages first, and the upstream's after them", async () => {
    await published("leaning");
    const found = (await answer("search", "leans")) as { name: string }[];
    expect(found.map(({ name }) => name)).toEqual(["leaning", "left"]);
  });
  test("access list packages, list collaborators and get status", async () => {
    await published("@acme/owned");
    expect(await answer("access", "list", "packages", "admin")).toMatchObject({ "@acme/owned": "read-write" });
    expect(await answer("access", "list", "packages", "@acme")).toEqual({ "@acme/owned": "read-write" });
    expect(await answer("access", "list", "collaborators", "@acme/owned")).toEqual({ admin: "read-write" });
    expect(await answer("access", "get", "status", "@acme/owned")).toEqual({ "@acme/owned": "public" });
  });
  test("stars lists what was starred", async () => {
    const source = await published("shining");
    expect((await source.run("npm", "star", "shining")).code).toBe(0);
    expect((await source.run("npm", "stars")).stdout.trim()).toBe("shining");
  });
});

/** A registry without a token: an audit is sent to it although the packages came from another one. */
function npmrc({ url, token }: Registry): string {
  return `registry=${url}/\n${url.replace(/^https?:/, "")}/:_authToken=${token}\nupdate-notifier=false\nfetch-retries=0\n`;
}
