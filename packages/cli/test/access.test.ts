import { createRightsStore, setVisibility } from "@codebox/core";
import { systemClock } from "@codebox/system";
import { createMemoryBackend, packumentAfter, publishOf, type MemoryBackend } from "@codebox/testing";
import { beforeEach, describe, expect, test } from "vitest";
import {
  applyAccess,
  bucketAccess,
  decideAccess,
  explainAccess,
  showAccess,
  type AccessPort,
} from "../src/commands/access.ts";
import { pipe } from "./support.ts";

let backend: MemoryBackend;
let access: AccessPort;
let output: ReturnType<typeof pipe>;
beforeEach(async () => {
  backend = createMemoryBackend({ clock: systemClock });
  access = bucketAccess({ ...backend, clock: systemClock }, { anonymousRead: false, by: "operator" });
  output = pipe();
  const wire = packumentAfter([publishOf("wire", "1.0.0")]);
  await backend.store.put("wire/index.json", Buffer.from(JSON.stringify(wire)));
});
const ports = () => ({ access, output });
const stored = async () =>
  (await createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: 0 }).current()).rights;

describe("a bucket from before rights", () => {
  test("is shown as undecided", async () => {
    expect(await showAccess(ports())).toBe(0);
    expect(output.lines).toMatchObject([{ decided: false }]);
  });
  test("decide owners --dry-run lists who loses what, and writes nothing", async () => {
    expect(await decideAccess(ports(), { what: "owners", dryRun: true })).toBe(0);
    const lost = output.lines.filter(({ who, package: name }) => who === "everybody else" && name === "wire");
    expect(lost.map(({ action, allowed }) => [action, allowed])).toEqual([
      ["tag", false],
      ["stage", false],
      ["publish", false],
      ["deprecate", false],
      ["unpublish", false],
      ["owners", false],
    ]);
    expect(await stored()).toMatchObject({ decided: false, revision: 0 });
  });
  test("decide owners keeps what is private and the roles that name somebody", async () => {
    const rights = createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: 0 });
    const grant = { to: "user:carol", role: "tag", on: "wire" } as const;
    await rights.edit("root", (before) => {
      const spec = { ...setVisibility(before, "wire", "private"), grants: [...before.grants, grant] };
      return { ok: true, what: "…", spec };
    });
    await decideAccess(ports(), { what: "owners", dryRun: false });
    expect(await stored()).toMatchObject({ decided: true, visibility: { wire: "private" }, grants: [grant] });
  });
  test("decide open keeps what was possible, decided", async () => {
    await decideAccess(ports(), { what: "open", dryRun: false });
    expect(await stored()).toMatchObject({ decided: true, grants: [{ to: "everybody" }, { to: "services" }] });
    expect((await stored()).history).toMatchObject([{ by: "operator" }]);
  });
});

test("explain exits with 1 when it is refused, and names the rule", async () => {
  await decideAccess(ports(), { what: "owners", dryRun: false });
  expect(await explainAccess(ports(), { user: "alice", action: "tag", name: "wire" })).toBe(0);
  expect(output.lines.at(-1)).toMatchObject({ allowed: true, rule: "alice owns wire" });
  expect(await explainAccess(ports(), { user: "bob", action: "tag", name: "wire" })).toBe(1);
});
test("apply refuses a file that is no JSON or breaks a rule, and writes nothing", async () => {
  await expect(applyAccess(ports(), { text: "{", dryRun: false })).rejects.toThrow("no JSON");
  const wrong = JSON.stringify({ grants: [], create: [], visibility: { "@acme": "private" }, orgs: {} });
  await expect(applyAccess(ports(), { text: wrong, dryRun: false })).rejects.toThrow("visibility");
  expect(await stored()).toMatchObject({ revision: 0 });
});
test("apply is refused when the rights changed after they were read", async () => {
  const rights = createRightsStore({ ...backend, clock: systemClock }, { maxAgeMs: 0 });
  const slow: AccessPort = {
    ...access,
    async compare(spec) {
      await rights.edit("root", (before) => ({ ok: true, what: "…", spec: setVisibility(before, "wire", "private") }));
      return access.compare(spec);
    },
  };
  const text = JSON.stringify(await access.read());
  await expect(applyAccess({ access: slow, output }, { text, dryRun: false })).rejects.toThrow("run the command again");
});
