import { createAccounts, createSessions, LOGINS_ADDRESS_MAX, SESSION_MS, type SignInProvider } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { browser, manualClock } from "@codebox/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApp, createPasswords, createSignIns, registryRoutes } from "../src/index.ts";
import { startApp, type Harness } from "./harness.ts";

const PASSWORD = "a long password";
let registry: Harness;
let clock: ReturnType<typeof manualClock>;
let client: ReturnType<typeof clientOf>;
beforeEach(async () => {
  registry = await startApp();
  clock = manualClock();
  client = clientOf(registry);
  await registry.identities.login({ name: "bob", password: PASSWORD });
});
afterEach(() => registry[Symbol.asyncDispose]());

/** The registry with the web login, as a client and as a browser reach it. */
function clientOf({ ports, settings }: Harness, provider?: SignInProvider) {
  const time = { ...clock, sleep: systemClock.sleep };
  const accounts = createAccounts(ports, { reserved: ["admin"], configured: [] });
  let address = "192.0.2.1";
  const known = {
    ...ports,
    clock: time,
    passwords: createPasswords({ identities: ports.identities, clock: time }),
    addressOf: () => address,
    webLogin: { sessions: createSessions({ store: ports.store, clock: time, ids: systemIds }), passwords: true },
    ...(provider ? { signIns: createSignIns({ providers: [provider], accounts, clock: time }) } : {}),
  };
  const app = createApp(known, settings, registryRoutes(known, settings));
  const begin = async (body: string | undefined = "{}", headers: Record<string, string> = {}) =>
    app.request("http://registry.test/-/v1/login", {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "npm/11.21.2 <node>", ...headers },
      ...(body === undefined ? {} : { body }),
    });
  return {
    app,
    begin,
    started: async () => (await (await begin()).json()) as { loginUrl: string; doneUrl: string },
    done: (url: string) => app.request(url),
    whoami: async (token: string) =>
      (await app.request("http://registry.test/-/whoami", { headers: { authorization: `Bearer ${token}` } })).json(),
    from: (other: string) => void (address = other),
    browser: () => browser((url, init) => app.request(url, init)),
  };
}
const signIn = async (page: ReturnType<typeof browser>, loginUrl: string, password = PASSWORD) => {
  await page.open(loginUrl);
  return page.submit("password", { name: "bob", password });
};

test("the client gets two absolute URLs; the one for the browser does not hold the secret of the other", async () => {
  const { loginUrl, doneUrl } = await client.started();
  for (const url of [loginUrl, doneUrl]) expect(new URL(url).origin).toBe("http://registry.test");
  expect(loginUrl).not.toContain(doneUrl.split("/").at(-1));
});
test("the client waits with 202 and retry-after until the person signed in, and then gets the token once", async () => {
  const { loginUrl, doneUrl } = await client.started();
  const waiting = await client.done(doneUrl);
  expect([waiting.status, waiting.headers.get("retry-after"), await waiting.json()]).toEqual([202, "2", {}]);
  const page = await signIn(client.browser(), loginUrl);
  expect([page.status, page.text]).toEqual([200, expect.stringContaining("signed in as <strong>bob</strong>")]);
  const { token } = (await (await client.done(doneUrl)).json()) as { token: string };
  expect(await client.whoami(token)).toEqual({ username: "bob" });
  expect((await client.done(doneUrl)).status).toBe(404);
});
test("of many polls at once, one gets the token", async () => {
  const { loginUrl, doneUrl } = await client.started();
  await signIn(client.browser(), loginUrl);
  const answers = await Promise.all(Array.from({ length: 6 }, () => client.done(doneUrl)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
});
test("who knows only the URL of the page gets no token", async () => {
  const { loginUrl } = await client.started();
  await signIn(client.browser(), loginUrl);
  expect((await client.done(loginUrl.replace("/-/login/", "/-/v1/done/"))).status).toBe(404);
});
test("a wrong password, and a name that does not exist, are one answer on the page; it can be tried again", async () => {
  const { loginUrl, doneUrl } = await client.started();
  const page = client.browser();
  const wrong = await signIn(page, loginUrl, "another password");
  expect(wrong.status).toBe(401);
  const unknown = await page.submit("password", { name: "nobody", password: PASSWORD });
  const tokens = /value="[^"]{43}"/g;
  expect(unknown.text.replace(tokens, "")).toBe(wrong.text.replace(tokens, ""));
  expect((await client.done(doneUrl)).status).toBe(202);
  expect((await page.submit("password", { name: "bob", password: PASSWORD })).status).toBe(200);
});
test("guessing on the page is slowed down like guessing elsewhere", async () => {
  const { loginUrl } = await client.started();
  const page = client.browser();
  await page.open(loginUrl);
  for (let turn = 0; turn < 5; turn++) await page.submit("password", { name: "bob", password: "a wrong one" });
  expect((await page.submit("password", { name: "bob", password: PASSWORD })).status).toBe(429);
});
test("the page registers nobody", async () => {
  const { loginUrl } = await client.started();
  const page = client.browser();
  await page.open(loginUrl);
  expect((await page.submit("password", { name: "carol", password: PASSWORD })).status).toBe(401);
  expect(await registry.identities.find("carol")).toBeUndefined();
});
test("a login that is settled is not open for anybody else: its page and its forms are gone", async () => {
  const { loginUrl } = await client.started();
  const [mine, other] = [client.browser(), client.browser()];
  await other.open(loginUrl);
  await signIn(mine, loginUrl);
  expect((await mine.open(loginUrl)).status).toBe(404);
  expect((await other.submit("password", { name: "bob", password: PASSWORD })).status).toBe(404);
});
test("a login that the person refuses gives no token", async () => {
  const { loginUrl, doneUrl } = await client.started();
  const page = client.browser();
  await page.open(loginUrl);
  expect((await page.submit("refuse", {})).status).toBe(200);
  expect((await client.done(doneUrl)).status).toBe(403);
});
test("a login ends with its lifetime", async () => {
  const { loginUrl, doneUrl } = await client.started();
  const page = client.browser();
  await page.open(loginUrl);
  await clock.advance(SESSION_MS);
  expect((await page.submit("password", { name: "bob", password: PASSWORD })).status).toBe(404);
  expect((await client.done(doneUrl)).status).toBe(404);
});
test("a form is taken only from the browser that opened the page, and only for this login", async () => {
  const { loginUrl, doneUrl } = await client.started();
  const other = await client.started();
  const [page, victim] = [client.browser(), client.browser()];
  await page.open(loginUrl);
  await victim.open(other.loginUrl);
  const forged = new URLSearchParams({ csrf: page.csrf("password"), name: "bob", password: PASSWORD });
  expect((await victim.post(`${loginUrl}/password`, forged)).status).toBe(403);
  expect((await page.post(`${other.loginUrl}/password`, forged)).status).toBe(403);
  expect((await client.done(doneUrl)).status).toBe(202);
});
test("opening the page writes nothing: a mail scanner that follows the link changes nothing", async () => {
  const { loginUrl, doneUrl } = await client.started();
  const before = await registry.store.list("");
  await client.browser().open(loginUrl);
  expect(await registry.store.list("")).toEqual(before);
  expect((await client.done(doneUrl)).status).toBe(202);
});
test("the page says which program asks, escaped, and warns when it has another address than the browser", async () => {
  const { loginUrl } = await client.started();
  const same = await client.browser().open(loginUrl);
  expect(same.text).toContain("npm/11.21.2 &lt;node&gt;");
  expect(same.text).not.toContain("another address");
  client.from("198.51.100.7");
  expect((await client.browser().open(loginUrl)).text).toContain("another address than this browser (198.51.100.7)");
});
test("the pages are in no frame, in no cache and without scripts", async () => {
  const { loginUrl } = await client.started();
  const { headers } = await client.browser().open(loginUrl);
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(headers.get("cache-control")).toBe("no-store");
});
test("npm adduser is answered 404, so that npm asks for the new account itself", async () => {
  expect((await client.begin('{"create":true}')).status).toBe(404);
});
test("a client without a body, or with a dead token, may begin a login", async () => {
  expect((await client.begin(undefined)).status).toBe(200);
  expect((await client.begin("{}", { authorization: "Bearer cbx_dead" })).status).toBe(200);
});
test("one address begins a bounded number of logins, and others are not hindered", async () => {
  for (let turn = 0; turn < LOGINS_ADDRESS_MAX; turn++) expect((await client.begin()).status).toBe(200);
  const refused = await client.begin();
  expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([429, true]);
  client.from("198.51.100.7");
  expect((await client.begin()).status).toBe(200);
  client.from("192.0.2.1");
  await clock.advance(SESSION_MS);
  expect((await client.begin()).status).toBe(200);
});
test("no secret of a login is logged", async () => {
  const { loginUrl, doneUrl } = await client.started();
  await signIn(client.browser(), loginUrl);
  const { token } = (await (await client.done(doneUrl)).json()) as { token: string };
  const logged = JSON.stringify(registry.logged);
  for (const secret of [doneUrl.split("/").at(-1) ?? "", token, PASSWORD]) expect(logged).not.toContain(secret);
});
