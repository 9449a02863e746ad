import type { Workload, WorkloadVerifier } from "@codebox/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

const RULE = {
  type: "github",
  claims: { repository: "acme/wire", workflow_ref: { file: "release.yml" } },
  permissions: ["createPackage"],
};
const CLAIMS = {
  repository: "acme/wire",
  repository_id: "1001",
  repository_owner_id: "2002",
  workflow_ref: "acme/wire/.github/workflows/release.yml@refs/heads/main",
};

/** An ID token here is the JSON of what differs from `CLAIMS`, in base64url. */
const idToken = (differing: object = {}, tokenId = "token-1") =>
  Buffer.from(JSON.stringify({ differing, tokenId })).toString("base64url");
const verifier: WorkloadVerifier = {
  async verify(token, audiences) {
    if (!audiences.includes("npm:registry.test")) return { ok: false, problem: "its audience is wrong" };
    if (token.startsWith("cbx_")) return { ok: false, problem: "it is not a signed JSON Web Token" };
    const { differing, tokenId } = JSON.parse(Buffer.from(token, "base64url").toString()) as {
      differing: object;
      tokenId: string;
    };
    const workload: Workload = {
      type: "github",
      issuer: "https://issuer.test",
      claims: { ...CLAIMS, ...differing },
      tokenId,
    };
    return { ok: true, workload };
  },
};

let registry: Harness;
beforeEach(async () => {
  registry = await startApp({ verifier, settings: { admins: ["alice"] } });
  await registry.publish("wire", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const trust = (path = "/-/package/wire/trust", rule: object = RULE) => registry.send("POST", path, [rule]);
const exchange = (token = idToken(), name = "wire") =>
  registry.request(`/-/npm/v1/oidc/token/exchange/package/${name.replace("/", "%2f")}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
const tokenOf = async (response: Response) => ((await response.json()) as { token: string }).token;
const as = (token: string) => ({ authorization: `Bearer ${token}` });

describe("a trust rule", () => {
  test("is made, listed and revoked as npm does it", async () => {
    const made = await trust();
    expect(made.status).toBe(201);
    const [rule] = (await made.json()) as { id: string }[];
    expect(rule).toMatchObject({ ...RULE, id: expect.any(String), by: "alice" });
    expect(await (await registry.request("/-/package/wire/trust")).json()).toEqual([rule]);
    const revoked = await registry.send("DELETE", `/-/package/wire/trust/${rule?.id}`);
    expect(revoked.status).toBe(204);
    expect(await (await registry.request("/-/package/wire/trust")).json()).toEqual([]);
    expect((await registry.send("DELETE", `/-/package/wire/trust/${rule?.id}`)).status).toBe(404);
  });
  test.each([
    ["that would trust every workflow", { ...RULE, claims: { repository: "acme/wire" } }, "workflow_ref"],
    ["without permissions", { ...RULE, permissions: [] }, "permissions"],
    ["with a permission that is not known", { ...RULE, permissions: ["everything"] }, "permissions"],
    ["of a system that is not known", { ...RULE, type: "jenkins" }, "type"],
  ])("%s is refused", async (_, rule, problem) => {
    const response = await trust("/-/package/wire/trust", rule);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain(problem);
  });
  test("of a package that does not exist is refused", async () => {
    expect((await trust("/-/package/nothing/trust")).status).toBe(404);
  });
  test("is no business of a read-only token", async () => {
    const token = await registry.token("alice", true);
    expect((await registry.request("/-/package/wire/trust", { headers: as(token) })).status).toBe(403);
  });
  test("of a scope needs an administrator", async () => {
    expect((await trust("/-/scope/@acme/trust")).status).toBe(201);
    const bob = await registry.token("bob");
    const response = await registry.request("/-/scope/@acme/trust", { headers: as(bob) });
    expect(response.status).toBe(403);
  });
});

describe("a CI job without a secret", () => {
  test("publishes a version and moves a tag of the package that trusts it", async () => {
    await trust();
    const exchanged = await exchange();
    expect(exchanged.status).toBe(201);
    expect(exchanged.headers.get("cache-control")).toBe("no-store");
    const token = await tokenOf(exchanged);
    const published = await registry.send("PUT", "/wire", publishBody("wire", "1.1.0"), as(token));
    expect(published.status).toBe(201);
    const tagged = await registry.send("PUT", "/-/package/wire/dist-tags/next", '"1.1.0"', as(token));
    expect(tagged.status).toBe(200);
    const { versions } = (await (await registry.request("/wire")).json()) as { versions: Record<string, object> };
    expect(versions["1.1.0"]).toMatchObject({
      _npmUser: { name: "github:acme/wire", trustedPublisher: { id: "github" } },
    });
  });
  test("publishes a new package of a scope that trusts it", async () => {
    await trust("/-/scope/@acme/trust");
    const token = await tokenOf(await exchange(idToken(), "@acme/new"));
    const published = await registry.send("PUT", "/@acme%2fnew", publishBody("@acme/new", "1.0.0"), as(token));
    expect(published.status).toBe(201);
  });
  test("has a token that ends after minutes", async () => {
    await trust();
    const { created, expires } = (await (await exchange()).json()) as { created: string; expires: string };
    expect(Date.parse(expires) - Date.parse(created)).toBe(15 * 60_000);
  });
  test.each([
    ["publish another package", "PUT", "/other", publishBody("other", "1.0.0")],
    ["deprecate", "PUT", "/wire", { _id: "wire", name: "wire", versions: { "1.0.0": { deprecated: "no" } } }],
    ["unpublish", "DELETE", "/wire/-rev/REV", undefined],
    ["change owners", "PUT", "/wire/-rev/REV", { _id: "wire", maintainers: [{ name: "mallory" }] }],
    ["make trust rules", "POST", "/-/package/wire/trust", [RULE]],
    ["make a token", "POST", "/-/npm/v1/tokens", { password: "" }],
  ])("may not %s", async (_, method, path, body) => {
    await trust();
    const token = await tokenOf(await exchange());
    const { _rev } = (await (await registry.request("/wire")).json()) as { _rev: string };
    const response = await registry.send(method, path.replace("REV", _rev), body, as(token));
    expect([401, 403]).toContain(response.status);
  });
  test("that may only move tags does not publish", async () => {
    await trust("/-/package/wire/trust", { ...RULE, permissions: ["moveTags"] });
    const token = await tokenOf(await exchange());
    const published = await registry.send("PUT", "/wire", publishBody("wire", "1.1.0"), as(token));
    expect(published.status).toBe(403);
    expect(await errorOf(published)).toContain("allows it to tag, not to publish");
    expect((await registry.send("PUT", "/-/package/wire/dist-tags/next", '"1.0.0"', as(token))).status).toBe(200);
  });
});

describe("an exchange is refused", () => {
  test("without a rule, with the command that makes one", async () => {
    const response = await exchange();
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain('"npm trust github wire"');
  });
  test("when a claim differs, with the claim", async () => {
    await trust();
    const response = await exchange(idToken({ repository: "evil/wire" }));
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain('the claim "repository" is "evil/wire"');
  });
  test("for a token that is none, or none at all", async () => {
    expect((await exchange(registry.alice)).status).toBe(401);
    const none = await registry.app.request("http://registry.test/-/npm/v1/oidc/token/exchange/package/wire", {
      method: "POST",
    });
    expect(none.status).toBe(401);
  });
  test("for an ID token that was used for this package before, also by two at once", async () => {
    await trust();
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange()));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await exchange()).status).toBe(403);
    expect((await exchange(idToken({}, "token-2"))).status).toBe(201);
  });
  test("for a repository that took over the name of the one that was first", async () => {
    await trust();
    expect((await exchange()).status).toBe(201);
    const response = await exchange(idToken({ repository_id: "6666" }, "token-2"));
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toContain("repository_id");
  });
  test("once the rule is revoked", async () => {
    const [rule] = (await (await trust()).json()) as { id: string }[];
    await registry.send("DELETE", `/-/package/wire/trust/${rule?.id}`);
    expect((await exchange()).status).toBe(403);
  });
});
