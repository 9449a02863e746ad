import { createRightsStore, DEFAULT_RIGHTS, hashToken, type RightsSpec } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import {
  browser,
  createMemoryBackend,
  makeTarball,
  startGitHub,
  type FakeGitHub,
  type MemoryBackend,
} from "@codebox/testing";
import pino from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startServer, type RunningServer } from "../src/server.ts";
import { readSettings } from "../src/settings.ts";

const MINUTE = 60 * 1000;
let github: FakeGitHub;
let backend: MemoryBackend;
let server: RunningServer;
let logged: string[];
/** Milliseconds that the registry's clock is ahead. */
let ahead: number;

beforeEach(async () => {
  [logged, ahead] = [[], 0];
  github = await startGitHub();
  github.users.set(1, { id: 1, login: "alice", orgs: { acme: "active" }, teams: ["acme/platform"] });
  github.users.set(2, { id: 2, login: "bob", orgs: { acme: "active" }, teams: [] });
  github.person = 1;
  backend = createMemoryBackend({ clock: systemClock });
  await start();
});
afterEach(async () => {
  await server.stop();
  await github[Symbol.asyncDispose]();
});

async function start(): Promise<void> {
  const settings = readSettings(["--port", "0", "--no-upstream", "--github-orgs", "acme", "--admins", "admin,root"], {
    CODEBOX_GITHUB_CLIENT_ID: github.clientId,
    CODEBOX_GITHUB_CLIENT_SECRET: github.clientSecret,
    CODEBOX_GITHUB_URL: github.webUrl,
  });
  if (settings === "help") throw new Error("no settings");
  const log = pino({ level: "trace" }, { write: (line: string) => void logged.push(line) });
  const clock = { now: () => new Date(Date.now() + ahead), sleep: systemClock.sleep };
  server = await startServer({ settings, log, clock, ids: systemIds, open: async () => backend });
}

const call = (path: string, token: string, init: RequestInit = {}) =>
  fetch(`${server.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...(init.headers as object) },
  });
const whoami = async (token: string) => {
  const response = await call("/-/whoami", token);
  return response.ok ? ((await response.json()) as { username: string }).username : response.status;
};
const begin = async () =>
  (await (await fetch(`${server.url}/-/v1/login`, { method: "POST" })).json()) as { loginUrl: string; doneUrl: string };

/** Presses the button, signs in at GitHub as `github.person`, and comes back. */
async function signInPage(page: ReturnType<typeof browser>, loginUrl: string) {
  await page.open(loginUrl);
  const sent = await page.submit("with/github", {});
  const [, next = ""] = /content="0;url=([^"]+)"/.exec(sent.text) ?? [];
  const away = await page.request(next.replaceAll("&amp;", "&"));
  return { sent, back: away.headers.get("location") ?? "" };
}
async function signIn() {
  const { loginUrl, doneUrl } = await begin();
  const page = browser(fetch);
  const { back } = await signInPage(page, loginUrl);
  const shown = await page.open(back);
  const done = await fetch(doneUrl);
  const { token = "" } = done.status === 200 ? ((await done.json()) as { token: string }) : {};
  return { shown, token, status: done.status, back, doneUrl };
}
/** The server is the only writer of its rights, so it starts again. */
async function setRights(spec: Partial<RightsSpec>): Promise<void> {
  await server.stop();
  await createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: 0 }).edit("test", () => ({
    ok: true,
    spec: { ...DEFAULT_RIGHTS, ...spec },
    what: "for the test",
    decided: true,
  }));
  await start();
}
const publish = (token: string, name: string, version: string) => {
  const { bytes, integrity, shasum } = makeTarball({ name, version });
  const body = {
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { name, version, dist: { integrity, shasum } } },
    _attachments: { [`${name}-${version}.tgz`]: { data: bytes.toString("base64"), length: bytes.length } },
  };
  return call(`/${encodeURIComponent(name)}`, token, { method: "PUT", body: JSON.stringify(body) });
};

test("a member signs in at GitHub, and the token is of the user with the login's name", async () => {
  const { shown, token } = await signIn();
  expect(shown.text).toContain("signed in as <strong>alice</strong>");
  expect(await whoami(token)).toBe("alice");
});
test("who is no member gets no token, and the page says why", async () => {
  github.users.set(3, { id: 3, login: "mallory", orgs: {}, teams: [] });
  github.person = 3;
  const { shown, status } = await signIn();
  expect([shown.status, status]).toEqual([403, 403]);
  expect(shown.text).toContain("is not an active member of acme");
});
test("a return with a forged state, in another browser, or a second time, signs nobody in", async () => {
  const { loginUrl, doneUrl } = await begin();
  const page = browser(fetch);
  const { back } = await signInPage(page, loginUrl);
  const forged = new URL(back);
  forged.searchParams.set("state", `${back.split("state=")[1]?.split(".")[0]}.${"x".repeat(43)}`);
  expect((await page.open(forged.href)).status).toBe(403);
  expect((await browser(fetch).open(back)).status).toBe(403);
  expect((await fetch(doneUrl)).status).toBe(202);
  expect((await page.open(back)).status).toBe(200);
  expect((await page.open(back)).status).toBe(403);
});
test("an attacker's own return, opened in another browser, does not sign that person in as the attacker", async () => {
  const victim = browser(fetch);
  const { loginUrl } = await begin();
  await victim.open(loginUrl);
  const attacker = await begin();
  const { back } = await signInPage(browser(fetch), attacker.loginUrl);
  expect((await victim.open(back)).status).toBe(403);
});
test("nothing in the request says where the browser goes next: only the provider's page, and back here", async () => {
  const { loginUrl } = await begin();
  const page = browser(fetch);
  const { sent, back } = await signInPage(page, `${loginUrl}?next=https://evil.example&returnUrl=https://evil.example`);
  expect(sent.text).not.toContain("evil.example");
  expect(new URL(back).origin).toBe(new URL(server.url).origin);
});
test("a team of GitHub is a group in the rights, at the API and in the consumer", async () => {
  await setRights({ create: [], grants: [{ to: "group:github:acme/platform", role: "publish", on: "wire" }] });
  const { token } = await signIn();
  github.person = 2;
  const bob = await signIn();
  expect((await publish(bob.token, "wire", "1.0.0")).status).toBe(403);
  expect((await publish(token, "wire", "1.0.0")).status).toBe(201);
});
test("a team on ** with the role admin operates the registry", async () => {
  await setRights({ grants: [{ to: "group:github:acme/platform", role: "admin", on: "**" }] });
  github.person = 2;
  const bob = await signIn();
  github.person = 1;
  expect((await call("/-/tokens", (await signIn()).token)).status).toBe(200);
  expect((await call("/-/tokens", bob.token)).status).toBe(403);
});
test("a renamed account stays the same user; who takes its old name is another one, without its rights", async () => {
  const { token } = await signIn();
  expect((await publish(token, "wire", "1.0.0")).status).toBe(201);
  github.users.set(1, { id: 1, login: "alice-renamed", orgs: { acme: "active" }, teams: [] });
  github.users.set(9, { id: 9, login: "alice", orgs: { acme: "active" }, teams: [] });
  expect(await whoami((await signIn()).token)).toBe("alice");
  github.person = 9;
  const other = await signIn();
  expect(await whoami(other.token)).toBe("alice-9");
  expect((await publish(other.token, "wire", "2.0.0")).status).toBe(403);
});
test("a login that is called like the first administrator, or like the holder of a token, does not become it", async () => {
  github.users.set(1, { id: 1, login: "admin", orgs: { acme: "active" }, teams: [] });
  expect(await whoami((await signIn()).token)).toBe("admin-1");
});
test("a member who is removed from the organisation is refused within five minutes", async () => {
  const { token } = await signIn();
  expect(await whoami(token)).toBe("alice");
  github.users.set(1, { id: 1, login: "alice", orgs: {}, teams: [] });
  ahead = 6 * MINUTE;
  expect(await whoami(token)).toBe(401);
});
test("who leaves a team loses its rights within five minutes", async () => {
  await setRights({ create: [], grants: [{ to: "group:github:acme/platform", role: "publish", on: "wire" }] });
  const { token } = await signIn();
  github.users.set(1, { id: 1, login: "alice", orgs: { acme: "active" }, teams: [] });
  ahead = 6 * MINUTE;
  expect((await publish(token, "wire", "1.0.0")).status).toBe(403);
});
test("requests within five minutes ask GitHub once", async () => {
  const { token } = await signIn();
  await whoami(token);
  const before = github.requests.length;
  await Promise.all(Array.from({ length: 20 }, () => whoami(token)));
  expect(github.requests).toHaveLength(before);
});
test("while GitHub is down, known accounts go on for an hour with the groups they had; nobody else gets in", async () => {
  await setRights({ create: [], grants: [{ to: "group:github:acme/platform", role: "publish", on: "wire" }] });
  const { token } = await signIn();
  await whoami(token);
  const unknown = github.token(2);
  github.mode = "down";
  ahead = 30 * MINUTE;
  expect(await whoami(token)).toBe("alice");
  expect((await publish(token, "wire", "1.0.0")).status).toBe(201);
  expect(await whoami(unknown)).toBe(503);
  ahead = 70 * MINUTE;
  expect(await whoami(token)).toBe(503);
  github.mode = "up";
  ahead = 72 * MINUTE;
  expect(await whoami(token)).toBe("alice");
});
test("after a restart in an outage, an account goes on if its sign-in is less than an hour ago", async () => {
  const { token } = await signIn();
  await server.stop();
  github.mode = "down";
  await start();
  expect(await whoami(token)).toBe("alice");
  ahead = 61 * MINUTE;
  expect(await whoami(token)).toBe(503);
});
test("a GitHub token in an old .npmrc works as Bearer, also as the password of a legacy login", async () => {
  const old = github.token(1, github.clientId);
  expect(await whoami(old)).toBe("alice");
  const login = (name: string, password: string) =>
    fetch(`${server.url}/-/user/org.couchdb.user:${name}`, {
      method: "PUT",
      body: JSON.stringify({ name, password }),
      headers: { "content-type": "application/json" },
    });
  const response = await login("alice", old);
  expect(response.status).toBe(201);
  expect(await whoami(((await response.json()) as { token: string }).token)).toBe("alice");
  expect((await login("bob", old)).status).toBe(401);
  expect((await login("alice", github.token(1, "another app"))).status).toBe(401);
});
test("a token that GitHub does not know is 401, and many of them from one address are 429", async () => {
  const statuses = [];
  for (let turn = 0; turn < 7; turn++) statuses.push(await whoami(`ghp_${String(turn).repeat(36)}`));
  expect(statuses[0]).toBe(401);
  expect(statuses.at(-1)).toBe(429);
  expect(github.requests.filter((request) => request === "GET /api/v3/user").length).toBeLessThan(7);
});
test("logging out revokes the token here and what GitHub issued for it, and also GitHub's own token", async () => {
  const { token } = await signIn();
  expect(github.tokens.size).toBe(1);
  expect((await call(`/-/user/token/${token}`, token, { method: "DELETE" })).status).toBe(200);
  expect([await whoami(token), github.tokens.size]).toEqual([401, 0]);
  const old = github.token(1, github.clientId);
  await whoami(old);
  expect((await call(`/-/user/token/${old}`, old, { method: "DELETE" })).status).toBe(200);
  expect([await whoami(old), github.tokens.size]).toEqual([401, 0]);
});
test("logging out works while GitHub is down: the token here ends, and the failure is logged", async () => {
  const { token } = await signIn();
  github.mode = "down";
  expect((await call(`/-/user/token/${token}`, token, { method: "DELETE" })).status).toBe(200);
  github.mode = "up";
  expect(await whoami(token)).toBe(401);
  expect(logged.join("")).toContain("GitHub does not answer");
});
test("no GitHub token, secret or token of ours is in the log or readable in the store", async () => {
  const { token, back, doneUrl } = await signIn();
  const old = github.token(2);
  await whoami(old);
  await call(`/-/user/token/${old}`, old, { method: "DELETE" });
  github.mode = "down";
  await signIn().catch(() => undefined);
  const secrets = [...github.tokens.keys(), token, old, github.clientSecret, doneUrl.split("/").at(-1) ?? ""];
  const code = new URL(back).searchParams.get("code") ?? "";
  for (const secret of [...secrets, code]) expect(logged.join("")).not.toContain(secret);
  for (const { key } of (await backend.store.list("")).objects) {
    const found = await backend.store.get(key);
    const text = found?.notModified === false ? Buffer.from(found.bytes).toString("latin1") : "";
    for (const secret of secrets) expect(`${key} ${text}`).not.toContain(secret);
  }
  expect((await backend.tokens.find(hashToken(token)))?.signIn?.sealed).toBeDefined();
});
test("a half configured provider is a problem that names its setting", () => {
  const env = { CODEBOX_GITHUB_CLIENT_ID: "x" };
  expect(() => readSettings([], env)).toThrow("CODEBOX_GITHUB_CLIENT_SECRET");
  expect(() => readSettings([], { ...env, CODEBOX_GITHUB_CLIENT_SECRET: "y" })).toThrow("CODEBOX_GITHUB_ORGS");
});
