import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { makeTarball } from "@codebox/testing";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { MOTO_CREDENTIALS, MOTO_REGION, PYTHON } from "../../scripts/moto.ts";
import { project, type Project } from "../support/clients.ts";
import { ROOT, scratch, startRegistry } from "../support/registry.ts";
import { startShape, until, type Shape } from "./support/shape.ts";

/** Bytes, of random content: over what Lambda takes and sends. */
const LARGE = 8 * 1024 * 1024;

describe("npm 11 through the AWS shape", () => {
  let dir: Awaited<ReturnType<typeof scratch>>;
  let shape: Shape;
  let wire: Project;

  const published = async (name: string, version: string, ...flags: string[]) => {
    const source = await project(dir.path, shape, { name, version, main: "index.js", description: "a wire" });
    await source.write("index.js", `module.exports = ${JSON.stringify(version)};`);
    return { source, result: await source.run("npm", "publish", ...flags) };
  };
  const tags = async (name: string): Promise<unknown> => {
    const response = await shape.fetch(`/-/package/${name.replace("/", "%2f")}/dist-tags`);
    return response.json();
  };

  beforeAll(async () => {
    dir = await scratch();
    shape = await startShape();
    const first = await published("wire", "1.0.0");
    expect(first.result.all).toContain("+ wire@1.0.0");
    wire = first.source;
    await published("wire", "1.1.0", "--tag", "beta");
    await published("@acme/wire", "1.0.0");
  });
  afterAll(async () => {
    await shape.stop();
    await dir[Symbol.asyncDispose]();
  });

  test("publish puts versions under their tags", async () => {
    expect(await tags("wire")).toMatchObject({ latest: "1.0.0", beta: "1.1.0" });
    expect(await tags("@acme/wire")).toEqual({ latest: "1.0.0" });
  });
  test("install follows the signed URLs, and the tarballs pass their integrity check", async () => {
    const app = await project(dir.path, shape, { name: "app", version: "1.0.0", private: true });
    const installed = await app.run("npm", "install", "wire@beta", "@acme/wire@^1.0.0");
    expect(installed.all).not.toContain("ERR");
    expect(await readFile(join(app.path, "node_modules/wire/index.js"), "utf8")).toContain("1.1.0");
    const lock = await readFile(join(app.path, "package-lock.json"), "utf8");
    expect(lock).toContain(`${shape.url}/@acme/wire/-/wire-1.0.0.tgz`);
    expect((await app.run("npm", "ci")).code).toBe(0);
  });
  test("a tarball is never sent by a function: 307 to the store", async () => {
    const answer = await shape.fetch("/wire/-/wire-1.0.0.tgz", { redirect: "manual" });
    expect(answer.status).toBe(307);
    expect(new URL(answer.headers.get("location") ?? "").origin).toBe(inject("moto"));
  });
  test("nor is one that comes from upstream, however large", async () => {
    await using data = await scratch();
    const upstream = await startRegistry(data.path);
    await using other = await startShape({ environment: { CODEBOX_UPSTREAM: upstream.url } });
    const { bytes, integrity, shasum } = makeTarball({
      name: "far",
      version: "1.0.0",
      files: { "blob.bin": randomBytes(LARGE) },
    });
    const document = {
      name: "far",
      versions: { "1.0.0": { name: "far", version: "1.0.0", dist: { integrity, shasum } } },
      _attachments: { "far-1.0.0.tgz": { data: bytes.toString("base64") } },
    };
    const headers = { "content-type": "application/json" };
    expect((await upstream.fetch("/far", { method: "PUT", body: JSON.stringify(document), headers })).status).toBe(201);
    const app = await project(dir.path, other, { name: "app", version: "1.0.0", private: true });
    expect((await app.run("npm", "install", "far")).code).toBe(0);
    expect((await readFile(join(app.path, "node_modules/far/blob.bin"))).length).toBe(LARGE);
    const answer = await other.fetch("/far/-/far-1.0.0.tgz", { redirect: "manual" });
    expect(answer.status).toBe(307);
    expect(new URL(answer.headers.get("location") ?? "").origin).toBe(inject("moto"));
    await upstream.stop();
  });
  test("dist-tag add, ls and rm", async () => {
    expect((await wire.run("npm", "dist-tag", "add", "wire@1.1.0", "next")).stdout).toContain("+next: wire@1.1.0");
    expect((await wire.run("npm", "dist-tag", "ls", "wire")).stdout).toContain("next: 1.1.0");
    expect((await wire.run("npm", "dist-tag", "rm", "wire", "next")).stdout).toContain("-next: wire@1.1.0");
    expect(await tags("wire")).not.toHaveProperty("next");
  });
  test("deprecate, whoami, ping, view and search", async () => {
    expect((await wire.run("npm", "deprecate", "wire@1.0.0", "use 1.1")).code).toBe(0);
    expect((await wire.run("npm", "view", "wire@1.0.0", "deprecated")).stdout.trim()).toBe("use 1.1");
    expect((await wire.run("npm", "whoami")).stdout.trim()).toBe("admin");
    expect((await wire.run("npm", "ping")).all).toContain("PONG");
    expect((await wire.run("npm", "search", "wire", "--json")).stdout).toContain("@acme/wire");
  });
  test("unpublish of one version", async () => {
    await published("gone", "1.0.0");
    await published("gone", "2.0.0");
    expect((await wire.run("npm", "unpublish", "gone@2.0.0")).code).toBe(0);
    expect(await tags("gone")).toEqual({ latest: "1.0.0" });
  });
  test("a wrong change is refused with the registry's words", async () => {
    const result = await wire.run("npm", "dist-tag", "add", "wire@9.9.9", "next");
    expect(result.code).not.toBe(0);
    expect(result.all).toContain("has no version 9.9.9");
  });
  test("a change that was answered is found by its id and its package", async () => {
    const answer = await shape.fetch("/-/package/wire/dist-tags/answered", {
      method: "PUT",
      body: '"1.0.0"',
      headers: { "content-type": "application/json" },
    });
    const id = answer.headers.get("codebox-change") ?? "";
    const status = await (await shape.fetch(`/-/changes/${id}?package=wire`)).json();
    expect(status).toMatchObject({ id, name: "wire", state: "applied" });
    expect((await shape.fetch("/-/changes/nobody?package=wire")).status).toBe(404);
    expect((await shape.fetch("/-/changes/nobody?package=..")).status).toBe(400);
  });
  test("a caller that asks not to wait gets the change's status URL", async () => {
    const answer = await shape.fetch("/-/package/wire/dist-tags/later", {
      method: "PUT",
      body: '"1.0.0"',
      headers: { "content-type": "application/json", prefer: "respond-async" },
    });
    expect(answer.status).toBe(202);
    const status = new URL(answer.headers.get("location") ?? "").pathname;
    await until("the change", async () => {
      const { state } = (await (await shape.fetch(status)).json()) as { state: string };
      return state === "applied";
    });
    expect(await tags("wire")).toMatchObject({ later: "1.0.0" });
  });
  test("a service in Python publishes a change by the contract, and sees its event", async () => {
    const { cloud } = shape;
    const env = {
      PATH: process.env["PATH"],
      ENDPOINT: inject("moto"),
      REGION: MOTO_REGION,
      AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
      INTAKE_TOPIC: cloud.intakeTopicArn,
      SUBSCRIBER: cloud.subscriberUrl,
    };
    const script = join(import.meta.dirname, "outside_service.py");
    const { stdout } = await promisify(execFile)(PYTHON, [script, "wire", "stable", "1.1.0", "release-42"], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      id: "release-42",
      name: "wire",
      type: "tag.put",
      actor: { name: "release-bot" },
      data: { tag: "stable", version: "1.1.0" },
    });
    expect(await tags("wire")).toMatchObject({ stable: "1.1.0" });
  });
  test("the tag sender of the examples moves a tag through the intake topic", async () => {
    const main = join(ROOT, "examples/tag-sender/main.ts");
    const env = {
      PATH: process.env["PATH"],
      AWS_ENDPOINT_URL: inject("moto"),
      AWS_REGION: MOTO_REGION,
      AWS_ACCESS_KEY_ID: MOTO_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: MOTO_CREDENTIALS.secretAccessKey,
    };
    const args = [main, shape.cloud.intakeTopicArn, "wire", "sent", "1.1.0", "release-43"];
    await promisify(execFile)(process.execPath, args, { env });
    await until("the change", async () => {
      const { sent } = (await tags("wire")) as { readonly sent?: string };
      return sent === "1.1.0";
    });
    const status = await shape.fetch("/-/changes/release-43?package=wire");
    expect(await status.json()).toMatchObject({ id: "release-43", state: "applied" });
  });
  test("nothing failed on the way", () => {
    expect(shape.failures).toEqual([]);
  });
});

describe("a package that is too large for Lambda", () => {
  test("its plain publish is a 413 that names the limit and the way out, or API Gateway's own above that", async () => {
    await using shape = await startShape();
    const put = (bytes: number) =>
      shape.fetch("/big", {
        method: "PUT",
        body: JSON.stringify("x".repeat(bytes)),
        headers: { "content-type": "application/json" },
      });
    const ours = await put(5 * 1024 * 1024 + 1);
    expect(ours.status).toBe(413);
    expect(await ours.json()).toMatchObject({
      ok: false,
      code: "too_large",
      error: expect.stringMatching(/5 MiB.*codebox publish/) as string,
    });
    expect((await put(LARGE)).status).toBe(413);
  });
  test("its tarball goes to a signed URL; the publish then names the upload, and npm installs it", async () => {
    await using shape = await startShape();
    await using dir = await scratch();
    const { bytes, integrity, shasum } = makeTarball({
      name: "@acme/big",
      version: "1.0.0",
      files: { "blob.bin": randomBytes(LARGE) },
    });
    const json = { "content-type": "application/json" };
    const asked = await shape.fetch("/-/package/@acme%2fbig/uploads", {
      method: "POST",
      body: JSON.stringify({ size: bytes.length }),
      headers: json,
    });
    expect(asked.status).toBe(201);
    const { upload, url, method, headers } = (await asked.json()) as {
      upload: string;
      url: string;
      method: string;
      headers: Record<string, string>;
    };
    expect((await fetch(url, { method, headers, body: new Uint8Array(bytes) })).status).toBe(200);
    const body = {
      _id: "@acme/big",
      name: "@acme/big",
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": { name: "@acme/big", version: "1.0.0", dist: { integrity, shasum } } },
      _attachments: { "@acme/big-1.0.0.tgz": { staged: upload, length: bytes.length } },
    };
    const published = await shape.fetch("/@acme%2fbig", { method: "PUT", body: JSON.stringify(body), headers: json });
    expect(await published.json()).toMatchObject({ success: true });
    const app = await project(dir.path, shape, { name: "app", version: "1.0.0", private: true });
    expect((await app.run("npm", "install", "@acme/big")).code).toBe(0);
    expect((await readFile(join(app.path, "node_modules/@acme/big/blob.bin"))).length).toBe(LARGE);
  });
  test("another tarball than the publish says is refused", async () => {
    await using shape = await startShape();
    const json = { "content-type": "application/json" };
    const asked = await shape.fetch("/-/package/big/uploads", { method: "POST", body: '{"size":4}', headers: json });
    const { upload, url, headers } = (await asked.json()) as {
      upload: string;
      url: string;
      headers: Record<string, string>;
    };
    await fetch(url, { method: "PUT", headers, body: "evil" });
    const body = {
      name: "big",
      versions: { "1.0.0": { name: "big", version: "1.0.0" } },
      _attachments: { "big-1.0.0.tgz": { staged: upload } },
    };
    const published = await shape.fetch("/big", { method: "PUT", body: JSON.stringify(body), headers: json });
    expect(published.status).toBe(400);
    expect(await published.json()).toMatchObject({
      error: expect.stringContaining("not a package's tarball") as string,
    });
    expect((await shape.fetch("/big")).status).toBe(404);
  });
  test.each([
    ['{"size":0}', 400],
    ['{"size":"x"}', 400],
    ["[]", 400],
    [`{"size":${2 ** 40}}`, 413],
  ])("an upload of %s is a %i", async (body, status) => {
    await using shape = await startShape();
    const asked = await shape.fetch("/-/package/big/uploads", {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    expect(asked.status).toBe(status);
  });
  test("who may not publish may not upload", async () => {
    await using shape = await startShape();
    const asked = await fetch(`${shape.url}/-/package/big/uploads`, { method: "POST", body: '{"size":4}' });
    expect(asked.status).toBe(401);
  });
});
