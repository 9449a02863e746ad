import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeTarball } from "@codebox/testing";
import { errorOf, publishBody, startApp, type Harness } from "./harness.ts";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
});
afterEach(() => registry[Symbol.asyncDispose]());

const put = (body: unknown, headers: Record<string, string> = {}) => registry.send("PUT", "/wire", body, headers);
const packument = async (name = "wire") => (await (await registry.request(`/${name}`)).json()) as Record<string, never>;

describe("amending", () => {
  beforeEach(async () => {
    for (const version of ["1.0.0", "1.1.0"]) await put(publishBody("wire", version));
  });
  const copy = async () =>
    structuredClone(await packument()) as unknown as {
      _rev: string;
      versions: Record<string, { deprecated?: string }>;
    };

  test("deprecate takes only the deprecated fields of the stale body", async () => {
    const body = await copy();
    await put(publishBody("wire", "1.2.0"));
    body.versions["1.0.0"]!.deprecated = "use 1.1";
    expect((await put({ ...body, description: "overwritten" })).status).toBe(201);
    const after = await packument();
    expect(Object.keys(after["versions"] ?? {})).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
    expect(after).not.toHaveProperty("description");
    expect(after["versions"]).toMatchObject({ "1.0.0": { deprecated: "use 1.1" } });
  });
  test("a deprecation that would undo a later one is a conflict", async () => {
    const [first, second] = [await copy(), await copy()];
    first.versions["1.0.0"]!.deprecated = "one";
    second.versions["1.0.0"]!.deprecated = "two";
    expect((await put(first)).status).toBe(201);
    expect((await put(second)).status).toBe(409);
  });
  test("a deprecation is not held up by versions that somebody unpublished meanwhile", async () => {
    const deprecated = await copy();
    deprecated.versions["1.1.0"]!.deprecated = "too new";
    await put(deprecated);
    const stale = await copy();
    const { "1.0.0": kept } = stale.versions;
    await registry.send("PUT", `/wire/-rev/${stale._rev}`, { ...stale, versions: { "1.0.0": kept } });
    stale.versions["1.0.0"]!.deprecated = "use 2.0";
    expect((await put(stale)).status).toBe(201);
    expect((await packument())["versions"]).toMatchObject({ "1.0.0": { deprecated: "use 2.0" } });
  });
  test("a deprecation of a version that never was is 404", async () => {
    const body = await copy();
    expect((await put({ ...body, versions: { "9.9.9": { deprecated: "no" } } })).status).toBe(404);
  });
  test("a new version without its tarball is refused, not taken for a deprecation of nothing", async () => {
    const { _attachments: _, ...body } = publishBody("wire", "1.2.0");
    for (const attachments of [{}, { _attachments: {} }]) {
      const response = await put({ ...body, ...attachments });
      expect(await errorOf(response)).toContain("wire@1.2.0, which is not published, and no tarball");
      expect(response.status).toBe(422);
    }
  });
  test("unpublish of a version leaves alone what was published after the client read", async () => {
    const body = await copy();
    await put(publishBody("wire", "1.2.0"));
    delete body.versions["1.0.0"];
    expect((await registry.send("PUT", `/wire/-rev/${body._rev}`, body)).status).toBe(201);
    expect(Object.keys((await packument())["versions"] ?? {})).toEqual(["1.1.0", "1.2.0"]);
    expect((await registry.send("DELETE", `/wire/-/wire-1.0.0.tgz/-rev/${body._rev}`)).status).toBe(201);
    expect((await registry.send("DELETE", `/wire/-/wire-1.1.0.tgz/-rev/${body._rev}`)).status).toBe(409);
  });
  test("a tarball is removed with its own version, not with one that ends alike", async () => {
    for (const version of ["0.3.7", "1.0.0-0.3.7"]) await put(publishBody("wire", version));
    const body = await copy();
    delete body.versions["1.0.0-0.3.7"];
    expect((await registry.send("PUT", `/wire/-rev/${body._rev}`, body)).status).toBe(201);
    const { _rev } = await copy();
    expect((await registry.send("DELETE", `/wire/-/wire-1.0.0-0.3.7.tgz/-rev/${_rev}`)).status).toBe(201);
    expect((await registry.send("DELETE", `/wire/-/wire-0.3.7.tgz/-rev/${_rev}`)).status).toBe(409);
  });
  test("a tarball of a package that never was, or at a revision that is none, can't be removed", async () => {
    expect((await registry.send("DELETE", "/never/-/never-1.0.0.tgz/-rev/1-abc")).status).toBe(404);
    expect((await registry.send("DELETE", "/wire/-/wire-9.0.0.tgz/-rev/nonsense")).status).toBe(201);
  });
  test("unpublish of all is a conflict when somebody published since, and 404 afterwards", async () => {
    const { _rev } = await copy();
    await put(publishBody("wire", "1.2.0"));
    expect((await registry.send("DELETE", `/wire/-rev/${_rev}`)).status).toBe(409);
    expect((await registry.send("DELETE", `/wire/-rev/${(await copy())._rev}`)).status).toBe(201);
    expect((await registry.request("/wire")).status).toBe(404);
    await expect.poll(registry.keys).toEqual(["wire/index.json"]);
  });
  test("a revision that is none of ours states none", async () => {
    const body = { maintainers: [{ name: "alice" }, { name: "bob" }] };
    expect((await registry.send("PUT", "/wire/-rev/undefined", body)).status).toBe(201);
  });
  test("a removal needs a revision of ours: it says what the client knew", async () => {
    expect((await registry.send("DELETE", "/wire/-rev/undefined")).status).toBe(400);
    expect((await registry.send("PUT", "/wire/-rev/undefined", { versions: {} })).status).toBe(400);
  });
  test("owners: two who changed the same list get a conflict; the last owner can't be removed", async () => {
    const { _rev } = await copy();
    const owners = (...names: string[]) => ({ _id: "wire", _rev, maintainers: names.map((name) => ({ name })) });
    expect((await registry.send("PUT", `/wire/-rev/${_rev}`, owners("alice", "bob"))).status).toBe(201);
    expect((await registry.send("PUT", `/wire/-rev/${_rev}`, owners("alice", "carol"))).status).toBe(409);
    expect(
      await errorOf(await registry.send("PUT", `/wire/-rev/${(await copy())._rev}`, { maintainers: [] })),
    ).toContain("at least one owner");
    expect((await registry.send("PUT", `/wire/-rev/${(await copy())._rev}`, { maintainers: [{}] })).status).toBe(400);
  });
  test("an owner without an email is shown with one that reaches nobody, which is not stored when it comes back", async () => {
    const body = (await copy()) as unknown as { _rev: string; maintainers: object[] };
    expect(body.maintainers).toEqual([{ name: "alice", email: "alice@users.invalid" }]);
    const maintainers = [...body.maintainers, { name: "bob", email: "bob@acme.example" }];
    expect(
      (await registry.send("PUT", `/wire/-rev/${body._rev}`, { ...body, versions: undefined, maintainers })).status,
    ).toBe(201);
    expect((await packument())["maintainers"]).toEqual([
      body.maintainers[0],
      { name: "bob", email: "bob@acme.example" },
    ]);
    const stored = await registry.store.get("wire/index.json");
    expect(stored?.notModified === false && Buffer.from(stored.bytes).toString()).not.toContain("users.invalid");
  });
  test("a star is the asker's own, whatever the body says of others", async () => {
    await put({ _id: "wire", users: { alice: true, bob: true } });
    expect((await packument())["users"]).toEqual({ alice: true });
  });
  test("a body that is about nothing is 400", async () => {
    expect((await put({ name: "wire" })).status).toBe(400);
  });
  test("an uploaded tarball may be named instead of sent", async () => {
    const { bytes } = makeTarball({ name: "wire", version: "2.0.0" });
    await registry.store.put("_codebox/staging/upload-1", bytes);
    const body = publishBody("wire", "2.0.0");
    expect((await put({ ...body, _attachments: { "wire-2.0.0.tgz": { staged: "upload-1" } } })).status).toBe(201);
    expect(
      (await put({ ...publishBody("wire", "3.0.0"), _attachments: { "wire-3.0.0.tgz": { staged: "nobody" } } })).status,
    ).toBe(422);
    expect(
      (await put({ ...publishBody("wire", "3.0.0"), _attachments: { "wire-3.0.0.tgz": { staged: "../x" } } })).status,
    ).toBe(400);
  });
});
