import { UpstreamRefused, UpstreamUnavailable, type UpstreamCache } from "@codebox/core";
import { describe, expect, test } from "vitest";
import { errorOf, startApp } from "./harness.ts";

/** An upstream that answers with `has`. `@acme` and `ours` are configured as names of this registry. */
function upstreamThat(has: () => Promise<boolean>): UpstreamCache & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    isOurs: (name) => name.startsWith("@acme/") || name === "ours",
    has(name) {
      asked.push(name);
      return has();
    },
    packument: async () => undefined,
    tarball: async () => undefined,
    keptTarball: async () => undefined,
    advisories: async () => ({}),
  };
}
const fails = (error: Error) => async () => {
  throw error;
};

describe("the first publish of a name", () => {
  test.each(["react", "@types/node"])("that the upstream has is refused, and nothing is kept: %s", async (name) => {
    await using registry = await startApp({ upstream: upstreamThat(async () => true) });
    const response = await registry.publish(name, "1.0.0");
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain(`--names ${name}`);
    expect(await registry.keys()).toEqual([]);
  });
  test.each(["react", "@types/node"])("that the upstream lacks is accepted: %s", async (name) => {
    const upstream = upstreamThat(async () => false);
    await using registry = await startApp({ upstream });
    expect((await registry.publish(name, "1.0.0")).status).toBe(201);
    expect(upstream.asked).toEqual([name]);
  });
  test.each(["ours", "@acme/wire"])("that is configured as ours is accepted without a question: %s", async (name) => {
    const upstream = upstreamThat(async () => true);
    await using registry = await startApp({ upstream });
    expect((await registry.publish(name, "1.0.0")).status).toBe(201);
    expect(upstream.asked).toEqual([]);
  });
  test.each([new UpstreamUnavailable("down"), new UpstreamRefused("it answered 403")])(
    "is refused while it is not known whether the upstream has it, unless it is in a scope: %s",
    async (error) => {
      await using registry = await startApp({ upstream: upstreamThat(fails(error)) });
      const response = await registry.publish("wire", "1.0.0");
      expect(response.status).toBe(502);
      expect(await errorOf(response)).toContain("--names wire");
      expect((await registry.publish("@team/wire", "1.0.0")).status).toBe(201);
    },
  );
  test("is the only one that asks: later ones, and those of an unpublished package, do not", async () => {
    let has = false;
    const upstream = upstreamThat(async () => has);
    await using registry = await startApp({ upstream });
    await registry.publish("wire", "1.0.0");
    has = true;
    expect((await registry.publish("wire", "1.1.0")).status).toBe(201);
    const { _rev } = (await (await registry.request("/wire")).json()) as { _rev: string };
    expect((await registry.send("DELETE", `/wire/-rev/${_rev}`)).status).toBe(201);
    expect((await registry.publish("wire", "2.0.0")).status).toBe(201);
    expect(upstream.asked).toEqual(["wire"]);
  });
});
