import assert from "node:assert/strict";
import {
  check,
  eventually,
  expectStatus,
  pathOf,
  Skipped,
  tagsPath,
  type Check,
  type RegistryUnderTest,
} from "./check.ts";

/** PROTOCOL.md, "Identity". */
export const identity: readonly Check[] = [
  check(["AUT-1", "AUT-8"], "a token is its user's", async (registry) => {
    const { username } = (await registry.request("/-/whoami")).json();
    assert.equal(typeof username, "string");
    const name = await registry.published("user");
    const { history } = (await registry.request(`/-/package/${encodeURIComponent(name)}/history`)).json();
    assert.equal(history[0].by, username);
  }),
  check(["AUT-2"], "a token that is not valid is 401 on every route that asks who it is", async (registry) => {
    const name = await registry.published("invalid");
    for (const path of [pathOf(name), tagsPath(name), "/-/whoami", "/-/v1/search?text=x"])
      expectStatus(await registry.request(path, { as: "cbx_nobody" }), 401);
  }),
  check(
    ["AUT-3", "AUT-5"],
    "a refused sign-in is one 401, whatever token is sent along and whether the name exists",
    async (registry) => {
      const signIn = async (name: string) => {
        const body = { name, password: "a wrong password" };
        return registry.send("PUT", `/-/user/org.couchdb.user:${name}`, body, {}, "cbx_nobody");
      };
      const { username } = (await registry.request("/-/whoami")).json();
      const known = await signIn(username);
      if (known.status === 403) throw new Skipped("this registry does not sign in with passwords");
      expectStatus(known, 401);
      const unknown = await signIn(`nobody-${registry.seed}`);
      if (unknown.status === 201) throw new Skipped("registration is open, so an unknown name makes an account");
      assert.equal(unknown.text, known.text);
    },
  ),
  check(["AUT-6"], "a user has a profile with a name and an email", async (registry) => {
    const { username } = (await registry.request("/-/whoami")).json();
    const profile = (await registry.request(`/-/user/org.couchdb.user:${username}`)).json();
    assert.equal(profile.name, username);
    assert.equal(typeof profile.email, "string");
  }),
  check(["AUT-9"], "the user's tokens are listed without their secrets", async (registry) => {
    const answer = await registry.request("/-/npm/v1/tokens");
    expectStatus(answer, 200);
    assert.ok(Array.isArray(answer.json().objects));
    assert.ok(!answer.text.includes(registry.token));
  }),
  check(["AUT-11"], "a token is not made without the right password", async (registry) => {
    const answer = await registry.send("POST", "/-/npm/v1/tokens", { password: "a wrong password" });
    expectStatus(answer, 401, 403);
  }),
  check(["AUT-14", "AUT-16"], "a read-only token changes nothing and revokes no other", async (registry) => {
    const { readonlyToken } = registry;
    if (readonlyToken === undefined) throw new Skipped("no read-only token was given (--readonly-token)");
    const name = await registry.published("readonly");
    expectStatus(await registry.send("PUT", tagsPath(name, "next"), "1.0.0", {}, readonlyToken), 403);
    expectStatus(await registry.request(pathOf(name), { as: readonlyToken }), 200);
    const revoke = await registry.send("DELETE", `/-/user/token/${registry.token}`, undefined, {}, readonlyToken);
    assert.ok(revoke.status === 403 || revoke.status === 404);
    expectStatus(await registry.request("/-/whoami"), 200);
  }),
];

type ShownEvent = {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
};

/** Reads server-sent events of a package until one has this id. */
async function eventsUntil(registry: RegistryUnderTest, name: string, id: string): Promise<ShownEvent[]> {
  const end = new AbortController();
  const path = `/-/events?after=0&package=${encodeURIComponent(name)}`;
  const headers = { authorization: `Bearer ${registry.token}`, accept: "text/event-stream" };
  const response = await fetch(new URL(path, registry.url), { headers, signal: end.signal });
  if (response.status === 404) throw new Skipped("this registry has no stream of events");
  const events: ShownEvent[] = [];
  const timer = setTimeout(() => end.abort(), 30_000);
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data:"));
        if (data) events.push(JSON.parse(data.slice("data:".length)) as ShownEvent);
      }
      if (events.some((event) => event.id === id)) return events;
    }
  } finally {
    clearTimeout(timer);
    end.abort();
  }
  throw new Error("the stream ended before the event");
}

/** PROTOCOL.md, "Events" and "Other routes". */
export const other: readonly Check[] = [
  check(
    ["EVT-1", "EVT-2", "EVT-3", "EVT-5", "EVT-7", "EVT-8", "EVT-9"],
    "every change of a package is announced, in sequence",
    async (registry) => {
      const name = await registry.published("events");
      const answer = await registry.send("PUT", tagsPath(name, "next"), "1.0.0");
      const events = await eventsUntil(registry, name, answer.headers.get("codebox-change") ?? "");
      assert.deepEqual(
        events.map(({ sequence, type }) => [sequence, type]),
        [
          [1, "publish"],
          [2, "tag.put"],
        ],
      );
      assert.equal(events[1]?.data["tag"], "next");
    },
  ),
  check(["RTE-1", "RTE-2"], "ping and health answer everybody", async (registry) => {
    expectStatus(await registry.request("/-/ping", { as: "" }), 200);
    expectStatus(await registry.request("/-/health", { as: "" }), 200);
  }),
  check(["RTE-3"], "search finds a package by its name", async (registry) => {
    const name = await registry.published("search");
    const text = encodeURIComponent(name.split("/")[1] ?? "");
    await eventually("the hit", async () => {
      const { objects } = (await registry.request(`/-/v1/search?text=${text}`)).json();
      return objects.some((hit: { package: { name: string } }) => hit.package.name === name) ? true : undefined;
    });
  }),
  check(["RTE-4"], "the history has the applied changes, the newest first", async (registry) => {
    const name = await registry.published("history");
    await registry.send("PUT", tagsPath(name, "next"), "1.0.0");
    const { history } = (await registry.request(`/-/package/${encodeURIComponent(name)}/history`)).json();
    assert.deepEqual(
      history.map(({ type }: { type: string }) => type),
      ["tag.put", "publish"],
    );
  }),
  check(
    ["RTE-5", "RTE-10"],
    "an audit of the registry's own packages asks nobody else; one that nobody can check fails",
    async (registry) => {
      const name = await registry.published("audit");
      const audit = (body: object) => registry.send("POST", "/-/npm/v1/security/advisories/bulk", body);
      assert.deepEqual((await audit({ [name]: ["1.0.0"] })).json(), {});
      expectStatus(
        await audit(Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`p${index}`, ["1.0.0"]]))),
        413,
      );
    },
  ),
];
