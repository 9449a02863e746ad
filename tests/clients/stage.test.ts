import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENTS, type Client } from "./clients.ts";
import { openWorkplace, type Project, type Workplace } from "./workplace.ts";
import type { Args } from "./words.ts";

/** How a client that knows staged versions spells it. */
type Staging = {
  readonly publish: Args;
  readonly list: (name: string) => Args;
  readonly approve: (id: string) => Args;
  readonly reject: (id: string) => Args;
  /** Absent: it has no command for it. */
  readonly download?: (id: string) => Args;
};

const NPM: Staging = {
  publish: ["stage", "publish"],
  list: (name) => ["stage", "list", name],
  approve: (id) => ["stage", "approve", id],
  reject: (id) => ["stage", "reject", id],
  download: (id) => ["stage", "download", id],
};
const PNPM: Staging = { ...NPM, publish: ["stage", "publish", "--no-git-checks"] };
const YARN: Staging = {
  publish: ["npm", "publish", "--staged"],
  list: (name) => ["npm", "stage", "list", name],
  approve: (id) => ["npm", "stage", "approve", id],
  reject: (id) => ["npm", "stage", "reject", id],
};
const STAGING: Readonly<Record<string, Staging>> = {
  "npm 11": NPM,
  "npm 12": NPM,
  "pnpm 11": PNPM,
  "pnpm 12": PNPM,
  "yarn 4": YARN,
};

const NAME = "@acme/staged";
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

for (const client of CLIENTS) {
  const words = STAGING[client.name];
  if (!words) continue;
  if (client.program) describe(client.name, () => suite(client, words));
  else test(client.name, ({ skip }) => skip(`npm ci --prefix tests/clients does not install ${client.name} here`));
}

function suite(client: Client, words: Staging): void {
  let workplace: Workplace;
  beforeAll(async () => {
    workplace = await openWorkplace(client);
  });
  afterAll(() => workplace.close());

  const projectOf = async (version: string): Promise<Project> => {
    const project = await workplace.project({ name: NAME, version, license: "MIT" });
    // yarn wants its lock file to know the project before it publishes from it.
    if (client.name.startsWith("yarn")) await project.run(["install"]);
    return project;
  };
  const staged = async (project: Project): Promise<string> => {
    const result = await project.run(words.publish);
    expect(result.code, result.all).toBe(0);
    return UUID.exec(result.all)?.[0] ?? expect.fail(`no id in ${result.all}`);
  };
  const done = async (project: Project, args: Args): Promise<string> => {
    const result = await project.run(args);
    expect(result.code, result.all).toBe(0);
    return result.all;
  };

  test("stages a version that nobody sees, lists it, and publishes it by an approval", async () => {
    const project = await projectOf("1.0.0");
    const id = await staged(project);
    expect((await workplace.registry.fetch(`/${NAME.replace("/", "%2f")}`)).status).toBe(404);
    const listed = await done(project, words.list(NAME));
    expect(listed).toContain(id);
    expect(listed).toContain("1.0.0");
    if (words.download) expect(await done(project, words.download(id))).toContain(".tgz");
    await done(project, words.approve(id));
    expect((await workplace.packument(NAME))["dist-tags"]).toEqual({ latest: "1.0.0" });
    expect((await project.run(words.approve(id))).code).not.toBe(0);
  });
  test("rejects a staged version, which can then be published", async () => {
    const project = await projectOf("2.0.0");
    const id = await staged(project);
    await done(project, words.reject(id));
    expect(Object.keys((await workplace.packument(NAME)).versions)).toEqual(["1.0.0"]);
    await staged(project);
  });
}
