import { DEFAULT_RIGHTS } from "@codebox/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

const RELEASES = "/-/v1/releases";
const NAMES = ["cable", "plug", "wire"];

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  for (const name of NAMES) await registry.publish(name, "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const tagsOf = async (name: string) =>
  (await (await registry.request(`/-/package/${name}/dist-tags`)).json()) as Record<string, string>;
const tagged = (tags: Record<string, string>, names = NAMES) => names.map((name) => ({ name, "dist-tags": tags }));
const publishes = (version: string, names = NAMES) => names.map((name) => publishBody(name, version));
const release = (packages: unknown, headers?: Record<string, string>) =>
  registry.send("POST", RELEASES, { packages }, headers);
const bodyOf = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe("POST /-/v1/releases", () => {
  test("moves tags of several packages at once, readable when it is answered", async () => {
    const answer = await release(tagged({ stable: "1.0.0" }));
    expect(answer.status).toBe(201);
    const { release: id, packages } = await bodyOf(answer);
    expect(packages).toHaveLength(3);
    for (const name of NAMES) expect(await tagsOf(name)).toEqual({ latest: "1.0.0", stable: "1.0.0" });
    const shown = await registry.request(`${RELEASES}/${String(id)}`);
    expect(await shown.json()).toMatchObject({ id, state: "committed", by: "alice" });
  });

  test("publishes packages, new ones too, with their tarballs", async () => {
    const names = [...NAMES, "fresh"];
    expect((await release(publishes("2.0.0", names))).status).toBe(201);
    for (const name of names) {
      expect((await tagsOf(name))["latest"]).toBe("2.0.0");
      expect((await registry.request(`/${name}/-/${name}-2.0.0.tgz`)).status).toBe(200);
    }
    expect((await registry.keys()).filter((key) => key.startsWith("_codebox/staging/"))).toEqual([]);
  });

  test("changes nothing when one package refuses, and says which and why", async () => {
    const before = await registry.keys();
    const answer = await release([...publishes("2.0.0", ["cable", "plug"]), publishBody("wire", "1.0.0")]);
    expect(answer.status).toBe(409);
    const body = await bodyOf(answer);
    expect(body).toMatchObject({ code: "version_exists", problems: [{ name: "wire", code: "version_exists" }] });
    expect(body["error"]).toMatch(
      /^nothing is released, since a package refuses its change: wire: wire@1\.0\.0 is published/,
    );
    for (const name of NAMES) expect(await tagsOf(name)).toEqual({ latest: "1.0.0" });
    expect(await registry.keys()).toEqual(before);
  });

  test("mixes publishes and tags, and compares the tags that the sender read", async () => {
    const entry = { name: "wire", "dist-tags": { stable: "1.0.0" }, ifMatch: '"old"' };
    const refused = await release([publishBody("cable", "2.0.0"), entry]);
    expect(refused.status).toBe(412);
    expect(await tagsOf("cable")).toEqual({ latest: "1.0.0" });
    const etag = (await registry.request("/-/package/wire/dist-tags")).headers.get("etag");
    expect((await release([publishBody("cable", "2.0.0"), { ...entry, ifMatch: etag }])).status).toBe(201);
    expect(await tagsOf("cable")).toEqual({ latest: "2.0.0" });
    expect(await tagsOf("wire")).toEqual({ latest: "1.0.0", stable: "1.0.0" });
  });

  test("sent again with the same key is answered, and made once", async () => {
    const key = { "idempotency-key": "release-7" };
    const first = await bodyOf(await release(tagged({ stable: "1.0.0" }), key));
    await registry.send("PUT", "/-/package/wire/dist-tags/later", JSON.stringify("1.0.0"));
    expect(await bodyOf(await release(tagged({ stable: "1.0.0" }), key))).toEqual(first);
    const { history } = (await (await registry.request("/-/package/wire/history")).json()) as { history: unknown[] };
    expect(history).toHaveLength(3);
  });

  test("is in the history and the events of each package, with its id", async () => {
    const { release: id } = await bodyOf(await release(tagged({ stable: "1.0.0" }), { "codebox-message": "seven" }));
    const { history } = (await (await registry.request("/-/package/wire/history")).json()) as { history: unknown[] };
    expect(history[0]).toMatchObject({ release: id, type: "tags.merge", why: { message: "seven" } });
  });

  test("only tries with dryRun", async () => {
    const answer = await registry.send("POST", RELEASES, { packages: tagged({ stable: "1.0.0" }), dryRun: true });
    expect(await bodyOf(answer)).toMatchObject({ dryRun: true });
    expect(await tagsOf("wire")).toEqual({ latest: "1.0.0" });
  });

  test.each([
    ["no packages", { packages: [] }, /at least one package/],
    ["a body of something else", { wire: "1.0.0" }, /the body must be/],
    [
      "a package twice",
      { packages: [...tagged({ a: "1.0.0" }, ["wire"]), ...tagged({ b: "1.0.0" }, ["wire"])] },
      /one change of each/,
    ],
    ["a package without a name", { packages: [{ "dist-tags": {} }] }, /needs its "name"/],
    ["a name that is none", { packages: [{ name: "../x", "dist-tags": {} }] }, /is not a package name/],
    ["an unknown field", { packages: [{ name: "wire", "dist-tags": {}, tag: "x" }] }, /publishes nothing/],
    ["another ecosystem", { packages: [{ ecosystem: "cargo", name: "wire" }] }, /npm packages only/],
  ])("refuses %s", async (_, body, message) => {
    const answer = await registry.send("POST", RELEASES, body);
    expect(answer.status).toBe(400);
    expect(await errorOf(answer)).toMatch(message);
  });

  test("refuses more packages than a release may have, before their tarballs are stored", async () => {
    const many = Array.from({ length: 201 }, (_, index) => `many-${index}`);
    const tooMany = await release(tagged({ latest: "1.0.0" }, many));
    expect(tooMany.status).toBe(413);
    expect(await errorOf(tooMany)).toBe("a release has at most 200 packages");
  });
});

test.each(["/-/pnpr/v0/publish", "/-/pnpm/v1/publish"])("PUT %s is pnpm's batch of publishes", async (path) => {
  const answer = await registry.send("PUT", path, { packages: publishes("2.0.0") });
  expect(answer.status).toBe(201);
  for (const name of NAMES) expect((await tagsOf(name))["latest"]).toBe("2.0.0");
});

test("a batch of publishes that is sent again is recognised by its contents, as long as its versions are there", async () => {
  const packages = publishes("2.0.0");
  const first = await bodyOf(await release(packages));
  expect(await bodyOf(await release(packages))).toEqual(first);
});

describe("the rights", () => {
  test("of every package are asked, before anything is stored", async () => {
    await using guarded = await startApp({ settings: { rights: DEFAULT_RIGHTS } });
    await guarded.publish("wire", "1.0.0");
    const bob = { authorization: `Bearer ${await guarded.token("bob")}` };
    await guarded.send("PUT", "/cable", publishBody("cable", "1.0.0"), bob);
    const before = await guarded.keys();
    const packages = [publishBody("cable", "2.0.0"), publishBody("wire", "2.0.0")];
    const refused = await guarded.send("POST", RELEASES, { packages }, bob);
    expect(refused.status).toBe(403);
    expect(await guarded.keys()).toEqual(before);
    const tags = [
      { name: "cable", "dist-tags": { a: "1.0.0" } },
      { name: "wire", "dist-tags": { a: "1.0.0" } },
    ];
    expect((await guarded.send("POST", RELEASES, { packages: tags }, bob)).status).toBe(403);
    expect(await (await guarded.request("/-/package/cable/dist-tags")).json()).toEqual({ latest: "1.0.0" });
  });

  test("to read all packages of a release are needed to see it", async () => {
    await using hiding = await startApp({ unreadable: "secret" });
    await hiding.publish("wire", "1.0.0");
    const packages = [{ name: "wire", "dist-tags": { a: "1.0.0" } }];
    const { release: id } = await bodyOf(await hiding.send("POST", RELEASES, { packages }));
    expect((await hiding.request(`${RELEASES}/${String(id)}`)).status).toBe(200);
    expect((await hiding.request(`${RELEASES}/unknown`)).status).toBe(404);
  });
});
