import { describe, expect, test } from "vitest";
import { applied, approvalOf, changeOf, given, packumentAfter, publishOf, rejected, stageOf } from "@codebox/testing";
import { apply, STAGED_MAX, STAGE_DAYS, stagedAt, stateOf, type Change, type Packument } from "../../src/index.ts";

const wire = packumentAfter([publishOf("wire", "1.0.0")]);
const staging = stageOf("wire", "2.0.0");
const waiting = packumentAfter([staging], wire);
const by = <C extends Change>(actor: Change["actor"], change: C): C => ({ ...change, actor });
const person = (name: string) => ({ kind: "user", name }) as const;
const days = (count: number, { at }: Change) => new Date(Date.parse(at) + count * 86_400_000).toISOString();
const refused = (packument: Packument | undefined, change: Change, code: Parameters<typeof rejected>[0]) =>
  given(packument ?? [])
    .when(change)
    .then(rejected(code)).rejection.message;

describe("a staged version", () => {
  test("is no version: no tag, no time and no field of the package shows it", () => {
    const { _codebox: before, time: times, ...rest } = wire;
    const { _codebox: after, time, ...now } = waiting;
    expect(now).toEqual(rest);
    expect({ ...time, modified: times?.["modified"] }).toEqual(times);
    expect(after?.staged).toMatchObject([{ id: staging.stage, version: "2.0.0", tags: ["latest"], by: "alice" }]);
    expect(before).not.toHaveProperty("staged");
  });
  test("is not in its event, and in the history only in a part that readers do not get", () => {
    const { event } = given(wire).when(staging).then(applied());
    expect(JSON.stringify(event)).not.toContain("2.0.0");
    const record = stateOf(waiting).applied.at(-1);
    expect(record?.detail).toEqual({ staged: { "2.0.0": { to: staging.stage } } });
    expect(JSON.stringify({ ...record, detail: {} })).not.toContain("2.0.0");
  });
  test("may be the first of its package, which then has no version and belongs to who staged it", () => {
    const first = packumentAfter([stageOf("fresh", "1.0.0")]);
    expect(first).toMatchObject({ versions: {}, "dist-tags": {}, maintainers: [{ name: "alice" }] });
  });
  test("is refused for the reasons for which a publish is", () => {
    expect(refused(wire, stageOf("wire", "1.0.0"), "version_exists")).toContain("is published already");
    const other = { ...staging, manifest: { name: "wire", version: "3.0.0" } };
    expect(refused(wire, other, "invalid")).toContain("the manifest is of");
    refused(undefined, stageOf("node_modules", "1.0.0"), "invalid");
  });
  test("blocks a publish and another staging of its version", () => {
    expect(refused(waiting, publishOf("wire", "2.0.0"), "version_exists")).toContain("waits for approval");
    expect(refused(waiting, stageOf("wire", "2.0.0"), "version_exists")).toContain("waits for approval");
    given(waiting).when(publishOf("wire", "3.0.0")).then(applied());
  });
  test("is one of at most STAGED_MAX", () => {
    const all = Array.from({ length: STAGED_MAX }, (_, index) => stageOf("wire", `9.0.${index}`));
    refused(packumentAfter(all, wire), stageOf("wire", "2.0.0"), "too_large");
  });
  test(`expires after ${STAGE_DAYS} days: then it is not approved, and blocks nothing`, () => {
    const late = days(STAGE_DAYS, staging);
    expect(stagedAt(waiting, days(STAGE_DAYS - 1, staging))).toHaveLength(1);
    expect(stagedAt(waiting, late)).toEqual([]);
    expect(refused(waiting, { ...approvalOf(staging), at: late }, "not_found")).toContain("expired");
    given(waiting)
      .when({ ...publishOf("wire", "2.0.0"), at: late })
      .then(applied());
    const again = packumentAfter([{ ...stageOf("wire", "2.0.0"), at: late }], waiting);
    expect(stateOf(again).staged).toHaveLength(1);
  });
});

describe("the approval of a staged version", () => {
  test("publishes it as a publish by who staged it would have, once", () => {
    const { packument, event } = given(waiting).when(approvalOf(staging, "bob")).then(applied());
    expect(packument).toMatchObject({
      "dist-tags": { latest: "2.0.0" },
      versions: { "2.0.0": { _npmUser: { name: "alice" }, dist: { integrity: staging.tarball.integrity } } },
    });
    expect(event).toMatchObject({ type: "publish", actor: { name: "bob" }, data: { version: "2.0.0" } });
    expect(stateOf(packument)).not.toHaveProperty("staged");
    refused(packument, approvalOf(staging, "bob"), "not_found");
  });
  test.each<[string, object]>([
    ["another tarball", { tarball: { ...staging.tarball, shasum: "0".repeat(40) } }],
    ["another manifest", { manifest: { ...staging.manifest, dependencies: { evil: "*" } } }],
    ["other tags", { tags: ["next"] }],
    ["another readme", { readme: "other" }],
  ])("of %s than the one that was staged is refused", (_, other) => {
    refused(waiting, { ...approvalOf(staging), ...other }, "conflict");
  });
  test("of a tarball at another key is refused", () => {
    const tarball = { ...staging.tarball, staging: "_codebox/staging/mine" };
    refused(waiting, { ...approvalOf(staging), tarball }, "invalid");
    refused(wire, { ...publishOf("wire", "2.0.0"), tarball: staging.tarball }, "invalid");
  });
  test.each(["workload", "service"] as const)("is not made by a %s, and neither is the rejection", (kind) => {
    refused(waiting, by({ kind, name: "ci" }, approvalOf(staging)), "forbidden");
    refused(waiting, by({ kind, name: "ci" }, changeOf("stage.reject", "wire", { stage: staging.stage })), "forbidden");
  });
  test("counts as published from CI when a CI job staged it", () => {
    const job = by({ kind: "workload", name: "github:acme/wire" }, stageOf("wire", "2.0.0"));
    const rules = [{ tags: "latest", from: "ci" as const }];
    const { packument } = given(packumentAfter([changeOf("rules.put", "wire", { rules }), job], wire))
      .when(approvalOf(job, "bob"))
      .then(applied());
    expect(packument.versions["2.0.0"]?.["_npmUser"]).toEqual({
      name: "github:acme/wire",
      trustedPublisher: { id: "github" },
    });
  });
  test("obeys the rules for the tags that it sets, of the moment", () => {
    const guarded = packumentAfter(
      [changeOf("rules.put", "wire", { rules: [{ tags: "latest", movers: ["bob"] }] })],
      waiting,
    );
    expect(refused(guarded, approvalOf(staging, "alice"), "forbidden")).toMatch(/is not moved by alice.*reject it/);
    given(guarded).when(approvalOf(staging, "bob")).then(applied());
  });
  test("is the approval of somebody else that a rule asks for, unless it is of one's own version", () => {
    const rules = [{ tags: "latest", approvals: { count: 1 } }];
    const guarded = packumentAfter([changeOf("rules.put", "wire", { rules })], waiting);
    expect(refused(guarded, approvalOf(staging, "alice"), "forbidden")).toContain("needs an approval");
    given(guarded).when(approvalOf(staging, "bob")).then(applied());
  });
  test("is undone like any publish: its tags go back, and the version stays", () => {
    const approved = packumentAfter([{ ...approvalOf(staging, "bob"), id: "approved" }], waiting);
    const undo = changeOf("tags.undo", "wire", {
      undoes: "approved",
      sequence: 3,
      tags: { latest: { from: "1.0.0", to: "2.0.0" } },
    });
    const { packument } = given(approved)
      .when(by(person("bob"), undo))
      .then(applied());
    expect(packument).toMatchObject({ "dist-tags": { latest: "1.0.0" }, versions: { "2.0.0": {} } });
  });
});

test("a rejected version is gone: it is not approved any more, and its version is free", () => {
  const { packument, event } = given(waiting)
    .when(changeOf("stage.reject", "wire", { stage: staging.stage }))
    .then(applied());
  expect(JSON.stringify(event)).not.toContain("2.0.0");
  refused(packument, approvalOf(staging), "not_found");
  given(packument).when(publishOf("wire", "2.0.0")).then(applied());
  expect(apply(packument, changeOf("stage.reject", "wire", { stage: staging.stage })).kind).toBe("rejected");
});
