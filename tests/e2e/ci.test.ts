import { join } from "node:path";
import { systemClock } from "@codebox/system";
import { startWorkloadIssuer, type WorkloadIssuer } from "@codebox/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { project, type Project } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

/** A release from a CI job as GitHub Actions runs it: no token anywhere, only the service that issues ID tokens. */
describe("npm in a CI job without a secret", () => {
  let dir: Awaited<ReturnType<typeof scratch>>;
  let issuer: WorkloadIssuer;
  let registry: Registry;
  let owner: Project;
  beforeAll(async () => {
    dir = await scratch();
    issuer = await startWorkloadIssuer(systemClock);
    const flags = ["--no-upstream", "--trusted-issuers", `github=${issuer.url}`];
    registry = await startRegistry(join(dir.path, "data"), flags);
    owner = await project(dir.path, registry, { name: "wire", version: "1.0.0" });
    expect((await owner.run("npm", "publish")).code).toBe(0);
  });
  afterAll(async () => {
    await registry.stop();
    await issuer.close();
    await dir[Symbol.asyncDispose]();
  });

  const job = (manifest: Record<string, unknown>) =>
    project(dir.path, { url: registry.url }, manifest, {
      GITHUB_ACTIONS: "true",
      ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.url}/token?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of the runner",
    });
  const tagsOf = async (name: string) => (await registry.fetch(`/-/package/${name}/dist-tags`)).json();

  test("is refused before a rule trusts it", async () => {
    const { code } = await (await job({ name: "wire", version: "1.0.1" })).run("npm", "publish");
    expect(code).toBe(1);
  });
  test("only stages by a rule with --allow-stage-publish, and a person approves it", async () => {
    const rule = [
      "trust",
      "github",
      "wire",
      "--file=release.yml",
      "--repo=acme/wire",
      "--allow-stage-publish",
      "--yes",
    ];
    const trusted = await owner.run("npm", ...rule);
    expect(trusted.code, trusted.all).toBe(0);
    const work = await job({ name: "wire", version: "1.0.2" });
    const published = await work.run("npm", "publish");
    expect(published.code, published.all).toBe(1);
    const staged = await work.run("npm", "stage", "publish");
    expect(staged.code, staged.all).toBe(0);
    const id = /staged with id (\S+?)\)/.exec(staged.all)?.[1] ?? expect.fail(staged.all);
    expect((await work.run("npm", "stage", "approve", id)).code).toBe(1);
    expect(await tagsOf("wire")).toEqual({ latest: "1.0.0" });
    const approved = await owner.run("npm", "stage", "approve", id);
    expect(approved.code, approved.all).toBe(0);
    expect(await tagsOf("wire")).toEqual({ latest: "1.0.2" });
    const listed = await owner.run("npm", "trust", "list", "wire", "--json");
    const [{ id: made } = { id: "" }] = [JSON.parse(listed.stdout) as { id: string }].flat();
    const revoked = await owner.run("npm", "trust", "revoke", "wire", `--id=${made}`);
    expect(revoked.code, revoked.all).toBe(0);
  });
  test("publishes and moves tags once npm trust made a rule, and no longer once it is revoked", async () => {
    const trusted = await owner.run(
      "npm",
      "trust",
      "github",
      "wire",
      "--file=release.yml",
      "--repo=acme/wire",
      "--allow-publish",
      "--yes",
    );
    expect(trusted.code, trusted.all).toBe(0);
    const work = await job({ name: "wire", version: "1.1.0" });
    const published = await work.run("npm", "publish");
    expect(published.code, published.all).toBe(0);
    const tagged = await work.run("npm", "dist-tag", "add", "wire@1.0.0", "stable");
    expect(tagged.code, tagged.all).toBe(0);
    expect(await tagsOf("wire")).toEqual({ latest: "1.1.0", stable: "1.0.0" });

    const listed = await owner.run("npm", "trust", "list", "wire", "--json");
    const { id } = JSON.parse(listed.stdout) as { id: string };
    const revoked = await owner.run("npm", "trust", "revoke", "wire", `--id=${id}`);
    expect(revoked.code, revoked.all).toBe(0);
    expect((await (await job({ name: "wire", version: "1.2.0" })).run("npm", "publish")).code).toBe(1);
  });
  test("publishes a new package of a scope that an administrator trusts it with", async () => {
    const rule = {
      type: "github",
      claims: { repository: "acme/wire", workflow_ref: { file: "release.yml" }, ref: "refs/heads/main" },
      permissions: ["createPackage"],
    };
    const made = await registry.fetch("/-/scope/@acme/trust", { method: "POST", body: JSON.stringify(rule) });
    expect(made.status).toBe(201);
    const published = await (await job({ name: "@acme/new", version: "1.0.0" })).run("npm", "publish");
    expect(published.code, published.all).toBe(0);
    expect(await tagsOf("@acme%2fnew")).toEqual({ latest: "1.0.0" });
  });
});
