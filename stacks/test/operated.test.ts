import { describe, expect, test } from "vitest";
import { RIGHTS, type FunctionName } from "../rights.ts";
import { allowed, stack } from "./resources.ts";

const NAMES = Object.keys(RIGHTS) as FunctionName[];
const title = (name: FunctionName) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

describe("CODEBOX_TRACING", () => {
  const rightsOf = (variant: "production" | "operated", name: FunctionName) =>
    allowed(stack(variant).one("iam/role:Role", `${title(name)}Role`)).flatMap(({ actions }) => actions);

  test.each(NAMES)("lets Lambda trace %s, and gives its role the two rights for that", (name) => {
    expect(stack("operated").one("lambda/function:Function", title(name)).inputs["tracingConfig"]).toEqual({
      mode: "Active",
    });
    const more = rightsOf("operated", name).filter((action) => !rightsOf("production", name).includes(action));
    expect(more.sort()).toEqual(["xray:PutTelemetryRecords", "xray:PutTraceSegments"]);
  });
  test.each(NAMES)("is off by default: %s", (name) => {
    const { inputs } = stack("production").one("lambda/function:Function", title(name));
    expect(inputs["tracingConfig"]).not.toEqual({ mode: "Active" });
  });
});

describe("CODEBOX_BACKUP_DAYS", () => {
  const of = stack("operated");

  test("copies the bucket each night, and keeps each copy for so many days", () => {
    const [rule] = of.one("backup/plan:Plan").inputs["rules"] as Record<string, unknown>[];
    expect(rule).toMatchObject({ schedule: "cron(0 3 * * ? *)", lifecycle: { deleteAfter: 35 } });
    expect(of.one("backup/selection:Selection").inputs["resources"]).toEqual([
      `arn:aws:s3:::${String(of.outputs["bucket"])}`,
    ]);
  });
  test("keeps the vault when the stage is removed", () => {
    expect(of.one("backup/vault:Vault")).toMatchObject({ retained: true, protected: true });
  });
  test("gives AWS Backup a role that nobody else may assume, with AWS's own policies for S3", () => {
    const { inputs } = of.one("iam/role:Role", "BackupRole");
    expect(JSON.stringify(inputs["assumeRolePolicy"])).toContain("backup.amazonaws.com");
    expect(inputs["managedPolicyArns"]).toEqual([
      "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
      "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Restore",
    ]);
  });
  test("makes nothing without it", () => {
    expect(stack("production").resources.filter(({ type }) => type.startsWith("aws:backup/"))).toEqual([]);
  });
});

test("CODEBOX_UPSTREAM_PACKUMENT_MB reaches the functions that ask the upstream, and no other", () => {
  const limited = NAMES.filter((name) => {
    const { environment } = stack("operated").one("lambda/function:Function", title(name)).inputs;
    return (environment as { variables: Record<string, string> }).variables["CODEBOX_UPSTREAM_PACKUMENT_MB"] === "128";
  });
  expect(limited).toEqual(["read", "write"]);
});
