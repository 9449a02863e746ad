import { join } from "node:path";
import { codeAt } from "@codebox/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD, signUp } from "../support/accounts.ts";
import { project, type Project } from "../support/clients.ts";
import { scratch, startRegistry, type Registry } from "../support/registry.ts";

/** One-time codes with the real clients. Each code counts once, so the recovery codes stand in for those of later half minutes. */
describe("npm and pnpm with a second factor", () => {
  let dir: Awaited<ReturnType<typeof scratch>>;
  let registry: Registry;
  let bob: Project;
  let recovery: string[];
  const next = () => recovery.pop() ?? "";

  beforeAll(async () => {
    dir = await scratch();
    registry = await startRegistry(join(dir.path, "data"), ["--no-upstream", "--registration", "open"]);
    const token = await signUp(registry.url, "bob");
    const profile = async (tfa: unknown) => {
      const answer = await fetch(`${registry.url}/-/npm/v1/user`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ tfa }),
      });
      return ((await answer.json()) as { tfa: string | string[] }).tfa;
    };
    const url = String(await profile({ password: PASSWORD, mode: "auth-and-writes" }));
    // oxlint-disable-next-line no-restricted-globals -- the server's clock is the machine's
    recovery = (await profile([codeAt(url, new Date())])) as string[];
    bob = await project(dir.path, { url: registry.url, token }, { name: "wire", version: "1.0.0" });
  });
  afterAll(async () => {
    await registry.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("npm publish without a code says that one is needed, and publishes with --otp", async () => {
    const refused = await bob.run("npm", "publish");
    expect(refused.code).not.toBe(0);
    expect(refused.all).toMatch(/EOTP|one-time pass/);
    expect(refused.all).toContain("/-/confirm/bob/");
    const published = await bob.run("npm", "publish", `--otp=${next()}`);
    expect(published.all).toContain("+ wire@1.0.0");
  });
  test("npm dist-tag, owner and deprecate take the code", async () => {
    expect((await bob.run("npm", "dist-tag", "add", "wire@1.0.0", "next")).all).toMatch(/EOTP|one-time pass/);
    for (const args of [
      ["dist-tag", "add", "wire@1.0.0", "next"],
      ["owner", "add", "bob", "wire"],
      ["deprecate", "wire@1.0.0", "old"],
    ]) {
      const { code, all } = await bob.run("npm", ...args, `--otp=${next()}`);
      expect(`${code} ${all}`).toMatch(/^0 /);
    }
  });
  test("npm unpublish sends several requests with one code", async () => {
    await bob.write("package.json", { name: "left", version: "1.0.0" });
    await bob.run("npm", "publish", `--otp=${next()}`);
    const { code, all } = await bob.run("npm", "unpublish", "left@1.0.0", "--force", `--otp=${next()}`);
    expect(`${code} ${all}`).toMatch(/^0 /);
  });
  test("pnpm publish takes the code", async () => {
    await bob.write("package.json", { name: "right", version: "1.0.0" });
    expect((await bob.run("pnpm", "publish", "--no-git-checks")).code).not.toBe(0);
    const { code, all } = await bob.run("pnpm", "publish", "--no-git-checks", `--otp=${next()}`);
    expect(`${code} ${all}`).toMatch(/^0 /);
  });
  test("npm profile get shows the mode", async () => {
    const { stdout } = await bob.run("npm", "profile", "get", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ tfa: { mode: "auth-and-writes", pending: false } });
  });
});
