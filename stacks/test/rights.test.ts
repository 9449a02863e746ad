import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { RIGHTS, type FunctionName, type Target } from "../rights.ts";
import { allowed, stack, statements, type Stack } from "./resources.ts";
import { rightsTable } from "./rights-table.ts";
import { KMS_KEY } from "./synthesise.ts";

const NAMES = Object.keys(RIGHTS) as FunctionName[];
const title = (name: FunctionName) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

/** Every ARN of the stack that a right may be about, and the name that `rights.ts` has for it. */
function targets(of: Stack, name: FunctionName): ReadonlyMap<string, Target> {
  const queue = (prefix: string) =>
    `arn:aws:sqs:eu-central-1:123456789012:${String(of.one("sqs/queue:Queue", prefix).inputs["name"])}`;
  return new Map<string, Target>([
    [queue("ChangeQueue"), "change queue"],
    [queue("IntakeQueue"), "intake queue"],
    [queue("IndexQueue"), "index queue"],
    [queue("DeadLetterQueue"), "dead-letter queue"],
    [queue("IntakeDeadLetterQueue"), "intake dead-letter queue"],
    [String(of.outputs["events"]), "event topic"],
    [`arn:aws:logs:eu-central-1:123456789012:log-group:${title(name)}Logs:*`, "own log group"],
    [KMS_KEY, "key of the bucket"],
  ]);
}

/** `action on target`, one line each: easily compared, easily read when it differs. */
function granted(of: Stack, name: FunctionName): string[] {
  const known = targets(of, name);
  const bucket = `arn:aws:s3:::${String(of.outputs["bucket"])}`;
  const lines = allowed(of.one("iam/role:Role", `${title(name)}Role`)).flatMap(({ actions, resources = [] }) =>
    actions.flatMap((action) =>
      resources.map((arn) => {
        const target = arn.startsWith(bucket) ? `bucket${arn.slice(bucket.length)}` : (known.get(arn) ?? arn);
        return `${action} on ${target}`;
      }),
    ),
  );
  return lines.sort();
}

function written(name: FunctionName, withKey: boolean): string[] {
  const rights = RIGHTS[name].filter(({ on }) => withKey || !on.includes("key of the bucket"));
  return rights
    .flatMap(({ actions, on }) => actions.flatMap((action) => on.map((target) => `${action} on ${target}`)))
    .sort();
}

describe.each(["trial", "production", "withKey", "adoptedKept", "adoptedReplaced"] as const)(
  "in the stack %s",
  (variant) => {
    const of = stack(variant);

    test("there is a function for every row of the table, and no other", () => {
      const names = of.all("lambda/function:Function").map(({ name }) => name);
      expect(names.sort()).toEqual(NAMES.map((name) => `${title(name)}Function`).sort());
    });

    test.each(NAMES)("%s has exactly the rights of the table", (name) => {
      expect(granted(of, name)).toEqual(written(name, variant === "withKey"));
    });

    test.each(NAMES)("%s has no right by a managed policy, and no policy beside its role's own", (name) => {
      expect(of.one("iam/role:Role", `${title(name)}Role`).inputs["managedPolicyArns"]).toEqual([]);
      expect([
        ...of.all("iam/rolePolicy:RolePolicy"),
        ...of.all("iam/rolePolicyAttachment:RolePolicyAttachment"),
      ]).toEqual([]);
    });

    test.each(NAMES)("%s: only Lambda may assume its role", (name) => {
      expect(of.one("iam/role:Role", `${title(name)}Role`).inputs["assumeRolePolicy"]).toMatchObject({
        Statement: [{ Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" } }],
      });
    });

    test.each(NAMES)("%s: no wildcard action, and no resource * ", (name) => {
      for (const { actions, resources } of allowed(of.one("iam/role:Role", `${title(name)}Role`))) {
        expect(actions.filter((action) => action.includes("*"))).toEqual([]);
        expect(resources?.length).toBeGreaterThan(0);
        expect(resources?.filter((arn) => !/^arn:aws:[a-z0-9]+:[^*]*[^:*]/.test(arn))).toEqual([]);
      }
    });

    test("no policy of a bucket, queue or topic allows a wildcard", () => {
      const policies = ["s3/bucketPolicy:BucketPolicy", "sqs/queuePolicy:QueuePolicy", "sns/topicPolicy:TopicPolicy"];
      const allows = policies
        .flatMap((type) => of.all(type))
        .flatMap(({ inputs }) => statements(inputs["policy"]))
        .filter(({ effect }) => effect !== "Deny");
      expect(allows.length).toBe(4);
      for (const { actions, resources, principals, conditions } of allows) {
        expect([...actions, ...(resources ?? [])].filter((text) => text.includes("*"))).toEqual([]);
        expect(principals).toEqual([{ type: "Service", identifiers: ["sns.amazonaws.com"] }]);
        const topic = resources?.[0]?.includes("-Index") ? "events" : "intake";
        expect(conditions).toEqual([{ test: "ArnEquals", variable: "aws:SourceArn", values: [of.outputs[topic]] }]);
      }
    });
  },
);

describe("the table of rights", () => {
  const may = (name: FunctionName, action: string) =>
    RIGHTS[name].flatMap(({ actions, on }) => (actions.includes(action) ? on : []));

  test("only the consumer may write a packument or put a tarball under its final key", () => {
    for (const name of NAMES.filter((other) => other !== "consumer"))
      expect(may(name, "s3:PutObject").filter((target) => !target.startsWith("bucket/_codebox/"))).toEqual([]);
    expect(may("consumer", "s3:PutObject")).toContain("bucket/*/index.json");
  });

  test("no function may delete a packument", () => {
    for (const name of NAMES) expect(may(name, "s3:DeleteObject")).not.toContain("bucket/*/index.json");
  });

  test("the function that answers reads cannot queue a change", () => {
    expect(RIGHTS.read.flatMap(({ actions }) => actions).filter((action) => action.startsWith("sqs:"))).toEqual([]);
  });

  test("docs/rights.md repeats it exactly", () => {
    const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/rights.md"), "utf8");
    const [, repeated] = /<!-- rights:start -->\n([\s\S]*?)<!-- rights:end -->/.exec(text) ?? [];
    expect(repeated?.trim()).toBe(rightsTable().trim());
  });
});
