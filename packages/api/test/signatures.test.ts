import { describe, expect, test } from "vitest";
import { prepare, preparedOf, shownAs, UpstreamUnavailable, type UpstreamCache } from "@codebox/core";
import { errorOf, startApp } from "./harness.ts";
import { upstreamOf } from "./upstream-double.ts";

const KEYS = {
  keys: [{ keyid: "SHA256:a", keytype: "ecdsa-sha2-nistp256", scheme: "ecdsa-sha2-nistp256", key: "MFkw" }],
};
const ATTESTATIONS = { attestations: [{ predicateType: "https://slsa.dev/provenance/v1", bundle: {} }] };

/** An upstream that signs what it has, and what it was asked for. */
function signing() {
  const asked: string[] = [];
  const dist = {
    tarball: "http://up.example/npm/left/-/left-1.0.0.tgz",
    signatures: [{ keyid: "SHA256:a", sig: "MEUC" }],
    attestations: {
      url: "http://up.example/npm/-/npm/v1/attestations/left@1.0.0",
      provenance: { predicateType: "https://slsa.dev/provenance/v1" },
    },
  };
  const versions = { "1.0.0": { name: "left", version: "1.0.0", dist } };
  const document = { name: "left", "dist-tags": { latest: "1.0.0" }, versions };
  const upstream: UpstreamCache = {
    ...upstreamOf(),
    async packument(name, form) {
      if (!name.endsWith("left")) return undefined;
      const prepared = preparedOf(prepare(name, Buffer.from(JSON.stringify({ ...document, name })), "full"));
      return prepared && shownAs({ prepared, of: '"1"', fetched: 0 }, form, false);
    },
    signatures: {
      keys: async () => KEYS,
      async attestations(name, version) {
        asked.push(`${name}@${version}`);
        return name.endsWith("left") && version === "1.0.0" ? ATTESTATIONS : undefined;
      },
    },
  };
  return { asked, upstream };
}

describe("npm audit signatures", () => {
  test("gets the upstream's keys, and none where there is no upstream", async () => {
    await using passing = await startApp({ upstream: signing().upstream });
    await using alone = await startApp();
    expect(await (await passing.request("/-/npm/v1/keys")).json()).toEqual(KEYS);
    expect(await (await alone.request("/-/npm/v1/keys")).json()).toEqual({ keys: [] });
  });

  test("is not told that there are no keys while the upstream is down", async () => {
    const down: UpstreamCache = {
      ...upstreamOf(),
      signatures: {
        async keys() {
          throw new UpstreamUnavailable("down");
        },
        attestations: async () => undefined,
      },
    };
    await using passing = await startApp({ upstream: down });
    expect((await passing.request("/-/npm/v1/keys")).status).toBe(502);
  });

  test("finds the signatures and the attestations of an upstream's package at the registry's own origin", async () => {
    await using passing = await startApp({ upstream: signing().upstream });
    for (const accept of ["application/json", "application/vnd.npm.install-v1+json"]) {
      const packument = (await (await passing.request("/left", { headers: { accept } })).json()) as {
        versions: Record<string, { dist: object }>;
      };
      expect(packument.versions["1.0.0"]?.dist).toMatchObject({
        signatures: [{ keyid: "SHA256:a", sig: "MEUC" }],
        attestations: {
          url: "http://registry.test/-/npm/v1/attestations/left@1.0.0",
          provenance: { predicateType: "https://slsa.dev/provenance/v1" },
        },
      });
    }
  });

  test.each(["/-/npm/v1/attestations/@up%2fleft@1.0.0", "/-/npm/v1/attestations/@up/left@1.0.0"])(
    "gets the attestations of a scoped package at %s",
    async (path) => {
      const { asked, upstream } = signing();
      await using passing = await startApp({ upstream });
      expect(await (await passing.request(path)).json()).toEqual(ATTESTATIONS);
      expect(asked).toEqual(["@up/left@1.0.0"]);
    },
  );

  test("gets 404 for a version without attestations", async () => {
    await using passing = await startApp({ upstream: signing().upstream });
    const response = await passing.request("/-/npm/v1/attestations/left@2.0.0");
    expect([response.status, await errorOf(response)]).toEqual([404, "left@2.0.0 has no attestations"]);
  });

  test("never asks the upstream about a package of this registry", async () => {
    const { asked, upstream } = signing();
    await using passing = await startApp({ upstream });
    await passing.publish("left", "1.0.0");
    for (const name of ["left", "@acme/wire"])
      expect((await passing.request(`/-/npm/v1/attestations/${name}@1.0.0`)).status).toBe(404);
    expect(asked).toEqual([]);
  });

  test.each(["left", "left@", "left@latest", "@1.0.0", "..%2fleft@1.0.0"])("refuses %s", async (spec) => {
    const { asked, upstream } = signing();
    await using passing = await startApp({ upstream });
    expect((await passing.request(`/-/npm/v1/attestations/${spec}`)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  test("needs the right to read", async () => {
    await using closed = await startApp({ upstream: signing().upstream, settings: { anonymousRead: false } });
    for (const path of ["/-/npm/v1/keys", "/-/npm/v1/attestations/left@1.0.0"])
      expect((await closed.app.request(`http://registry.test${path}`)).status).toBe(401);
  });
});
