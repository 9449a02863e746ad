import type { UpstreamCache } from "@codebox/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, startApp, type Harness } from "./harness.ts";
import { upstreamOf } from "./upstream-double.ts";

const PATH = "/-/package/left/give-back";
/** Has `left`, from the moment that a test says so. */
let taken = false;
const asked: string[] = [];
const upstream: UpstreamCache = {
  ...upstreamOf(),
  has: async () => taken,
  async packument(name) {
    asked.push(name);
    return undefined;
  },
};

let registry: Harness;
beforeEach(async () => {
  taken = false;
  registry = await startApp({ upstream, settings: { admins: ["alice"] } });
  await registry.publish("left", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const unpublish = async (name = "left") => {
  const { _rev } = (await (await registry.request(`/${name}`)).json()) as { _rev: string };
  expect((await registry.send("DELETE", `/${name}/-rev/${_rev}`)).status).toBe(201);
};
const giveBack = (body: object = {}, headers: Record<string, string> = {}) =>
  registry.send("POST", PATH, body, headers);
const origin = async () => {
  asked.length = 0;
  const { status } = await registry.request("/left");
  return status === 200 ? "ours" : asked.length > 0 ? "upstream" : "absent";
};

describe("giving the name of an unpublished package back to the upstream", () => {
  test("lets it come from there again, and keeps the document with its sequence", async () => {
    await unpublish();
    taken = true;
    expect(await errorOf(await registry.request("/left"))).toContain("codebox names give-back left");
    const given = await giveBack();
    expect(given.status).toBe(200);
    expect(await given.json()).toMatchObject({ ok: true, id: "left", dryRun: false, upstream: true });
    expect(await origin()).toBe("upstream");
  });
  test("is refused while the package has a version, for a name that was never here, and for one that is configured", async () => {
    expect((await giveBack()).status).toBe(409);
    expect((await registry.send("POST", "/-/package/right/give-back", {})).status).toBe(404);
    expect((await registry.send("POST", "/-/package/@acme%2fwire/give-back", {})).status).toBe(409);
    expect(await origin()).toBe("ours");
  });
  test("changes nothing as a dry run, which says whether the upstream has the name", async () => {
    await unpublish();
    taken = true;
    expect(await (await giveBack({ dryRun: true })).json()).toMatchObject({ dryRun: true, upstream: true });
    expect(await origin()).toBe("absent");
  });
  test("is for administrators only, also when an owner asks", async () => {
    await unpublish();
    const refused = await giveBack({}, { authorization: `Bearer ${await registry.token("bob")}` });
    expect(refused.status).toBe(403);
    expect(await origin()).toBe("absent");
  });
  test("makes the next publish a first one: refused while the upstream has the name, else the name is ours again", async () => {
    await unpublish();
    await giveBack();
    taken = true;
    expect((await registry.publish("left", "2.0.0")).status).toBe(403);
    taken = false;
    expect((await registry.publish("left", "2.0.0")).status).toBe(201);
    expect(await origin()).toBe("ours");
    await unpublish();
    expect(await origin(), "an unpublish after that keeps the name").toBe("absent");
  });
});
