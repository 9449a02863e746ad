import { beforeEach, describe, expect, test } from "vitest";
import {
  prepare,
  preparedOf,
  shownAs,
  UpstreamMalformed,
  UpstreamRefused,
  UpstreamUnavailable,
  type UpstreamCache,
} from "@codebox/core";
import { errorOf, startApp } from "./harness.ts";
import { upstreamOf } from "./upstream-double.ts";

describe("upstream", () => {
  const document = {
    name: "left",
    "dist-tags": { latest: "1.0.0" },
    versions: {
      "1.0.0": { name: "left", version: "1.0.0", dist: { tarball: "http://up.example/deep/left-1.0.0.tgz" } },
    },
  };
  const prepared = preparedOf(prepare("left", Buffer.from(JSON.stringify(document)), "full"));
  const asked: string[] = [];
  const upstream = (down = false): UpstreamCache => ({
    ...upstreamOf(),
    async packument(name, form) {
      asked.push(name);
      if (down) throw new UpstreamUnavailable("down");
      return name === "left" && prepared ? shownAs({ prepared, of: '"1"', fetched: 0 }, form, true) : undefined;
    },
    tarball: async (_, file) =>
      file === "left-1.0.0.tgz"
        ? {
            body: (async function* () {
              yield Buffer.from("tgz");
            })(),
          }
        : undefined,
    advisories: async (packages) => ({ asked: Object.keys(packages) }),
  });
  beforeEach(() => asked.splice(0));

  test("a package that is not ours comes with its tarballs at our origin, and says that it is stale", async () => {
    await using passing = await startApp({ upstream: upstream() });
    const response = await passing.request("/left");
    expect(response.headers.get("warning")).toContain("110");
    expect(await response.json()).toMatchObject({
      versions: { "1.0.0": { dist: { tarball: "http://registry.test/left/-/left-1.0.0.tgz" } } },
    });
    expect(await (await passing.request("/left/-/left-1.0.0.tgz")).text()).toBe("tgz");
    expect(await (await passing.request("/-/package/left/dist-tags")).json()).toEqual({ latest: "1.0.0" });
    expect((await passing.request("/right")).status).toBe(404);
  });
  test("HEAD of a tarball lets go of the upstream's stream", async () => {
    let released = false;
    const body = (async function* () {
      try {
        yield Buffer.from("tgz");
        yield Buffer.from("never asked for");
      } finally {
        released = true;
      }
    })();
    await using passing = await startApp({ upstream: { ...upstream(), tarball: async () => ({ body, size: 18 }) } });
    const response = await passing.request("/left/-/left-1.0.0.tgz", { method: "HEAD" });
    expect([response.status, response.headers.get("content-length"), released]).toEqual([200, "18", true]);
  });
  test("its tags can't be changed here, and the error says why", async () => {
    await using passing = await startApp({ upstream: upstream() });
    expect(await errorOf(await passing.send("PUT", "/-/package/left/dist-tags/next", '"1.0.0"'))).toContain(
      "not a package of this registry",
    );
  });
  test("a name of ours is never asked for: a configured scope, a published name, and one that was unpublished", async () => {
    await using passing = await startApp({ upstream: upstream() });
    await passing.publish("left", "9.0.0");
    const { _rev } = (await (await passing.request("/left")).json()) as { _rev: string };
    await passing.send("DELETE", `/left/-rev/${_rev}`);
    asked.splice(0);
    for (const path of ["/left", "/left/-/left-1.0.0.tgz", "/-/package/left/dist-tags", "/@acme/wire", "/left/1.0.0"])
      expect((await passing.request(path)).status, path).toBe(404);
    expect(asked).toEqual([]);
  });

  test("a tombstone that hides an upstream package says so in its 404", async () => {
    await using passing = await startApp({ upstream: upstream() });
    await passing.publish("left", "9.0.0");
    const { _rev } = (await (await passing.request("/left")).json()) as { _rev: string };
    await passing.send("DELETE", `/left/-rev/${_rev}`);
    for (const path of ["/left", "/left/1.0.0"])
      expect(await errorOf(await passing.request(path))).toContain("an upstream package of this name is hidden");
    expect(await errorOf(await passing.request("/@acme/wire"))).not.toContain("hidden");
  });
  test("a client about to write is shown only what is published here", async () => {
    await using passing = await startApp({ upstream: upstream() });
    expect((await passing.request("/left?write=true")).status).toBe(404);
    expect((await passing.request("/left", { headers: { "npm-command": "publish" } })).status).toBe(404);
    expect((await passing.publish("left", "0.1.0")).status).toBe(201);
    expect(await (await passing.request("/left")).json()).toMatchObject({ "dist-tags": { latest: "0.1.0" } });
  });
  test("one that is down is 502; a publish is not held up by it", async () => {
    await using broken = await startApp({ upstream: upstream(true) });
    expect((await broken.request("/left")).status).toBe(502);
    expect((await broken.request("/left", { headers: { "npm-command": "publish" } })).status).toBe(404);
  });
  test("a refusal of the upstream is 403, which no client sends again; an answer that is no packument is 502", async () => {
    const failing = (error: Error): UpstreamCache => ({
      ...upstream(),
      async packument() {
        throw error;
      },
    });
    await using refusing = await startApp({ upstream: failing(new UpstreamRefused("it answered 400")) });
    const refused = await refusing.request("/left");
    expect(refused.status).toBe(403);
    expect(await errorOf(refused)).toContain("it answered 400");
    await using broken = await startApp({ upstream: failing(new UpstreamMalformed("it sent a page")) });
    expect((await broken.request("/left")).status).toBe(502);
  });
  test("an audit is forwarded; without an upstream it is a failure for a package that is not ours", async () => {
    await using passing = await startApp({ upstream: upstream() });
    await using registry = await startApp();
    expect(
      await (await passing.send("POST", "/-/npm/v1/security/advisories/bulk", { left: ["1.0.0"] })).json(),
    ).toEqual({ asked: ["left"] });
    const audit = (packages: object) => registry.send("POST", "/-/npm/v1/security/advisories/bulk", packages);
    const unchecked = await audit({ left: ["1.0.0"] });
    expect(unchecked.status).toBe(502);
    expect(await errorOf(unchecked)).toContain('nobody can check "left"');
    await registry.publish("wire", "1.0.0");
    expect(await (await audit({ wire: ["1.0.0"] })).json()).toEqual({});
    expect((await registry.send("POST", "/-/npm/v1/security/advisories/bulk", { left: "1.0.0" })).status).toBe(400);
  });
  test("an audit of too many names or too many bytes is 413", async () => {
    await using passing = await startApp({ upstream: upstream() });
    const names = Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`p${index}`, ["1.0.0"]]));
    expect((await passing.send("POST", "/-/npm/v1/security/advisories/bulk", names)).status).toBe(413);
    const versions = { left: Array.from({ length: 200_000 }, () => "1.0.0") };
    expect((await passing.send("POST", "/-/npm/v1/security/advisories/bulk", versions)).status).toBe(413);
  });
  test("a version that the cached packument lacks makes the upstream be asked again, and so does cache-control: no-cache", async () => {
    const revalidated: boolean[] = [];
    const base = upstream();
    await using passing = await startApp({
      upstream: {
        ...base,
        packument: async (name, form, options) => {
          revalidated.push(options?.revalidate === true);
          return base.packument(name, form, options);
        },
      },
    });
    expect((await passing.request("/left/9.9.9")).status).toBe(404);
    expect(revalidated).toEqual([false, true]);
    await passing.request("/left", { headers: { "cache-control": "no-cache" } });
    expect(revalidated.at(-1)).toBe(true);
  });
});
