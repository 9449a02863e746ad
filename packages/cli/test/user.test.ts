import { createRightsStore, createTokenStore, issueToken } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, type MemoryBackend } from "@codebox/testing";
import { beforeEach, expect, test } from "vitest";
import { bucketUsers, disable, enable, join, listUsers, makeCode } from "../src/commands/user.ts";
import { pipe } from "./support.ts";

let backend: MemoryBackend;
let output: ReturnType<typeof pipe>;
beforeEach(async () => {
  backend = createMemoryBackend({ clock: systemClock });
  output = pipe();
  await issueToken(
    { ...backend, ids: systemIds },
    { user: "bob", readonly: false, label: "laptop", created: "2026-01-01T00:00:00.000Z" },
  );
});
const ports = () => ({ users: bucketUsers({ ...backend, clock: systemClock }), output });

test("over a bucket, the users are those who hold a token, and those who are disabled", async () => {
  await disable(ports(), { name: "carol", dryRun: false });
  expect(await listUsers(ports())).toBe(0);
  expect(output.lines.slice(-2)).toMatchObject([
    { name: "bob", state: "active" },
    { name: "carol", state: "disabled" },
  ]);
});
test("disable revokes the tokens and is in the rights; enable takes it back; --dry-run does nothing", async () => {
  const rights = createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: 0 });
  await disable(ports(), { name: "bob", dryRun: true });
  expect(await createTokenStore(backend.store).list("bob")).toHaveLength(1);
  await disable(ports(), { name: "bob", dryRun: false });
  expect(output.lines.at(-1)).toMatchObject({ name: "bob", revoked: 1 });
  expect(await createTokenStore(backend.store).list("bob")).toEqual([]);
  expect((await rights.current()).rights).toMatchObject({ disabled: ["bob"], history: [{ by: "operator" }] });
  await enable(ports(), { name: "bob" });
  expect((await rights.current()).rights.disabled).toEqual([]);
});
test("a name that is none is refused", async () => {
  await expect(disable(ports(), { name: "-x", dryRun: false })).rejects.toThrow("a user name has");
});
test("invite prints the code and the user's next command; join sends what was asked for, and prints no secret", async () => {
  const made = { code: "cbx_invite_x", expires: "2026-12-02T10:00:00.000Z" };
  const users = {
    ...ports().users,
    invite: async () => made,
    reset: async () => made,
    withdraw: async () => undefined,
  };
  await makeCode({ users, output }, { name: "bob", what: "invite", registry: "http://registry.test" });
  expect(output.lines.at(-1)).toMatchObject({ name: "bob", ...made });
  const answers = ["cbx_invite_x\n", "a long password"];
  const sent: object[] = [];
  const accept = async (accepted: object) => void sent.push(accepted);
  const ask = async () => answers.shift() ?? "";
  await join({ accept, ask, output }, { name: "bob", registry: "http://registry.test" });
  expect(sent).toEqual([{ name: "bob", code: "cbx_invite_x", password: "a long password" }]);
  expect(JSON.stringify(output.lines.at(-1))).not.toContain("a long password");
});
