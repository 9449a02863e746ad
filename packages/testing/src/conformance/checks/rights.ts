import assert from "node:assert/strict";
import { at, expectCode, expectStatus, listAt, stringAt } from "../answer.ts";
import { eventually, requireAdministrator } from "../administrator.ts";
import { check, type Check } from "../check.ts";
import { pathOf, tagPath, type Registry } from "../registry.ts";

/** Who may do what: owners, private packages, organisations and teams, the rights as a document. */
export const rightsChecks: readonly Check[] = [
  check("RGT-1 RGT-2", "a private package is read by its owner only, and is in no list of others", async (registry) => {
    const token = await registry.secondToken();
    const name = await registry.package("private", "1.0.0");
    const access = `/-/package${pathOf(name)}/access`;
    expectCode(await registry.send("POST", access, { token, body: { access: "restricted" } }), 403, "forbidden");
    expectStatus(await registry.send("POST", access, { body: { access: "restricted" } }), 200, 201);
    await eventually(async () => expectCode(await registry.get(pathOf(name), { token }), 403, "forbidden"));
    expectCode(await registry.get(tagPath(name), { token }), 403, "forbidden");
    expectCode(await registry.get(pathOf(name), { token: null }), 401, "unauthenticated");
    expectStatus(await registry.get(pathOf(name)), 200);
    const found = await registry.get(`/-/v1/search?text=${encodeURIComponent(name)}`, { token });
    assert.deepEqual(listAt(expectStatus(found, 200).json, "objects"), []);
    assert.equal(at((await registry.get(`/-/package${pathOf(name)}/visibility`)).json, "public"), false);
    expectStatus(await registry.send("POST", access, { body: { access: "public" } }), 200, 201);
    await eventually(async () => void expectStatus(await registry.get(pathOf(name), { token }), 200));
  }),
  check(
    "RGT-3 RGT-4 RGT-5",
    "an organisation has members and teams, which an owner of it manages",
    async (registry) => {
      await requireAdministrator(registry);
      const token = await registry.secondToken();
      const [me, other] = [await registry.user(), await userOf(registry, token)];
      const org = registry.word("org");
      const put = (path: string, body: object, as?: string) =>
        registry.send("PUT", path, { body, ...(as === undefined ? {} : { token: as }) });
      expectCode(await put(`/-/org/${org}/user`, { user: other, role: "owner" }, token), 403, "forbidden");
      const { json } = expectStatus(await put(`/-/org/${org}/user`, { user: me, role: "owner" }), 200, 201);
      assert.deepEqual(json, { org: { name: org, size: 1 }, user: me, role: "owner" });
      assert.deepEqual((await registry.get(`/-/org/${org}/user`)).json, { [me]: "owner" });
      expectStatus(await put(`/-/org/${org}/team`, { name: "web" }), 200, 201);
      expectStatus(await put(`/-/team/${org}/web/user`, { user: other }), 200, 201);
      assert.deepEqual((await registry.get(`/-/org/${org}/team?format=cli`)).json, [`${org}:web`]);
      assert.deepEqual((await registry.get(`/-/team/${org}/web/user?format=cli`)).json, [other]);
      const name = await registry.package("granted", "1.0.0");
      const grant = { package: name, permissions: "read-write" };
      expectStatus(await put(`/-/team/${org}/web/package`, grant), 200, 201);
      const tag = () => registry.send("PUT", tagPath(name, "next"), { token, body: "1.0.0" });
      await eventually(async () => void expectStatus(await tag(), 200));
      assert.deepEqual((await registry.get(`/-/team/${org}/web/package`)).json, { [name]: "write" });
      expectStatus(await registry.send("DELETE", `/-/team/${org}/web`, {}), 200, 204);
      await eventually(async () => expectCode(await tag(), 403, "forbidden"));
    },
  ),
  check(
    "RGT-6 RGT-7 RGT-8",
    "an administrator reads the rights, has a decision explained, and compares",
    async (registry) => {
      await requireAdministrator(registry);
      const name = await registry.package("explained", "1.0.0");
      const me = await registry.user();
      const token = await registry.secondToken();
      const other = await userOf(registry, token);
      const { json: rights, headers } = expectStatus(await registry.get("/-/access"), 200);
      assert.ok(headers.get("etag"));
      const query = `user=${encodeURIComponent(other)}&action=tag&package=${encodeURIComponent(name)}`;
      const { json: refused } = expectStatus(await registry.get(`/-/access/explain?${query}`), 200);
      assert.equal(at(refused, "allowed"), false);
      assert.ok(stringAt(refused, "rule"));
      const body = { ...(rights as object), grants: [{ to: `user:${other}`, role: "tag", on: name }] };
      await eventually(async () => {
        const { json } = expectStatus(await registry.send("POST", "/-/access/compare", { body }), 200);
        const found = listAt(json, "differences").find(
          (one) => at(one, "who") === other && at(one, "package") === name,
        );
        assert.equal(at(found, "allowed"), true);
      });
      expectCode(
        await registry.send("PUT", "/-/access", { body, headers: { "if-match": '"0"' } }),
        412,
        "precondition_failed",
      );
      for (const path of ["/-/access", `/-/access/explain?${query}`])
        expectCode(await registry.get(path, { token }), 403, "forbidden");
      assert.notEqual(me, other);
    },
  ),
];

async function userOf(registry: Registry, token: string): Promise<string> {
  return stringAt(expectStatus(await registry.get("/-/whoami", { token }), 200).json, "username");
}
