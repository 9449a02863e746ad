import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signUp } from "../support/accounts.ts";
import { project, type Project } from "../support/clients.ts";
import { publish } from "../support/load.ts";
import { ROOT, scratch, startRegistry, type Registry } from "../support/registry.ts";
import { codebox } from "../support/tags-commands.ts";

let dir: Awaited<ReturnType<typeof scratch>>;
let registry: Registry;
beforeAll(async () => {
  dir = await scratch();
  registry = await startRegistry(join(dir.path, "data"), ["--no-upstream", "--registration", "open"]);
});
afterAll(async () => {
  await registry.stop();
  await dir[Symbol.asyncDispose]();
});

type Step = { readonly user: string; readonly command: string; readonly printed: readonly string[] };

/** The commands of the page's consoles, in order, each with the lines under it. */
function stepsOf(markdown: string): readonly Step[] {
  const lines = [...markdown.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );
  return lines.reduce<readonly Step[]>((steps, line) => {
    const [, user, command] = /^(\w+)\$ (.*)$/.exec(line) ?? [];
    if (user !== undefined && command !== undefined) return [...steps, { user, command, printed: [] }];
    const last = steps.at(-1) ?? expect.fail(`a console begins without a command: ${line}`);
    return [...steps.slice(0, -1), { ...last, printed: [...last.printed, line] }];
  }, []);
}

/** A line of the page as a pattern: blanks stand for any white space, `…` for anything. */
function pattern(line: string): RegExp {
  const escaped = line.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  return new RegExp(escaped.replace(/\s*…\s*/g, String.raw`[\s\S]*`).replace(/\s+/g, String.raw`\s+`));
}

const wordsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");

/** Gives bob the role of a publisher, as an administrator does. */
async function letBobPublish(): Promise<void> {
  const current = await registry.fetch("/-/access");
  const { grants, create, visibility, orgs } = (await current.json()) as Record<string, object[]>;
  const more = [...(grants ?? []), { to: "user:bob", role: "publish", on: "@acme/wire" }];
  const put = await registry.fetch("/-/access", {
    method: "PUT",
    body: JSON.stringify({ grants: more, create, visibility, orgs }),
    headers: { "if-match": current.headers.get("etag") ?? "" },
  });
  expect(put.status).toBe(200);
}

/** The project of a user, with the version that the user is going to publish. */
async function projectOf(name: string, version: string): Promise<Project> {
  const target = { url: registry.url, token: await signUp(registry.url, name) };
  return project(join(dir.path, name), target, { name: "@acme/wire", version, license: "MIT" });
}

test("every step of docs/releases.md does what the page says, with the real npm", async () => {
  const page = await readFile(join(ROOT, "docs/releases.md"), "utf8");
  await letBobPublish();
  const projects: Readonly<Record<string, Project>> = {
    alice: await projectOf("alice", "2.0.0"),
    bob: await projectOf("bob", "2.1.0"),
  };
  const { alice = expect.fail("no alice") } = projects;
  const token = /_authToken=(\S+)/.exec(await readFile(join(alice.path, ".npmrc"), "utf8"))?.[1] ?? "";
  const asAlice = (path: string, init: RequestInit = {}) =>
    registry.fetch(path, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
    });
  for (const version of ["1.0.0", "1.1.0"]) await publish({ fetch: asAlice }, "@acme/wire", version);
  const [rules = "", approvals = ""] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => json);
  for (const { path } of Object.values(projects)) {
    await writeFile(join(path, "rules.json"), rules);
    await writeFile(join(path, "approvals.json"), approvals);
  }

  const steps = stepsOf(page);
  expect(steps.length).toBeGreaterThan(15);
  let staged = "";
  for (const { user, command, printed } of steps) {
    const [program, ...args] = wordsOf(command.replace("<id>", staged));
    const { path, run } = projects[user] ?? expect.fail(`there is no ${user}`);
    const result = program === "npm" ? await run("npm", ...args) : await codebox(path, args);
    const all = `${result.stdout}${result.stderr}`;
    staged = /staged with id (\S+?)\)/.exec(all)?.[1] ?? staged;
    for (const line of printed) expect(all, `${user}$ ${command}`).toMatch(pattern(line));
  }
});
