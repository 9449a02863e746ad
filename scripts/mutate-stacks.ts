// Mutation test for stacks/: breaks one thing after the other, and expects exactly the tests about that thing to fail.
// Takes ten minutes. Run it in a checkout without changes: `node scripts/mutate-stacks.ts [part of a mutation's name]`.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

type Mutation = {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** At least one test fails, and the name of every failing test matches this. */
  readonly fails: RegExp;
};

const ROOT = path.resolve(import.meta.dirname, "..");
/** The report that stacks/vitest.config.ts writes. */
const REPORT = path.join(ROOT, ".vitest/stacks.json");

const mutation = (name: string, file: string, from: string, to: string, fails: RegExp): Mutation => ({
  name,
  file,
  from,
  to,
  fails,
});

const MUTATIONS: readonly Mutation[] = [
  mutation(
    "no partial responses",
    "consume.ts",
    "partialResponses: true",
    "partialResponses: false",
    /delays only its own group/,
  ),
  mutation("smaller batches", "consume.ts", "BATCH = 10", "BATCH = 5", /ten messages at once/),
  mutation(
    "unbounded intake",
    "functions.ts",
    "INTAKES = 2",
    "INTAKES = 20",
    /share of the account's concurrency|is kept in production/,
  ),
  mutation("nothing reserved", "function.ts", "{ concurrency: { reserved } }", "{}", /is kept in production/),
  mutation(
    "reserved everywhere",
    "settings.ts",
    "=== undefined ? !trial :",
    "=== undefined ? true :",
    /not in a trial|a trial needs none/,
  ),
  mutation(
    "fewer reserved than called",
    "functions.ts",
    "consumer: settings.consumers,",
    "consumer: 10,",
    /is kept in production/,
  ),
  mutation("failed events uncounted", "consume.ts", '["EventCount"]', "[]", /events reported as failed are counted/),
  mutation("deduplication by queue", "queue.ts", '"messageGroup"', '"queue"', /is FIFO/),
  mutation("throughput by queue", "queue.ts", '"perMessageGroupId"', '"perQueue"', /is FIFO/),
  mutation(
    "queues not encrypted",
    "queue.ts",
    "sqsManagedSseEnabled = true",
    "sqsManagedSseEnabled = false",
    /Queue is encrypted/,
  ),
  mutation("visibility too short", "queue.ts", "VISIBILITY = 6", "VISIBILITY = 5", /six times/),
  mutation("dead letters kept shorter", "queue.ts", "days: DEAD_LETTER_DAYS }", "days: 4 }", /fourteen days/),
  mutation("fewer deliveries", "queue.ts", "retry: REDELIVERIES_MAX", "retry: 3", /number of deliveries/),
  mutation(
    "queues let go",
    "queue.ts",
    "opts.retainOnDelete = !trial",
    "opts.retainOnDelete = false",
    /keeps its bucket, queues/,
  ),
  mutation(
    "plain HTTP to queues",
    "queue.ts",
    'values: ["false"]',
    'values: ["true"]',
    /Queue is refused over plain HTTP/,
  ),
  mutation("topics not encrypted", "events.ts", 'args.kmsMasterKeyId = "alias/aws/sns";', "", /Topic is encrypted/),
  mutation("anybody's topic to the intake", "events.ts", "values: [from.arn]", 'values: ["*"]', /allows a wildcard/),
  mutation(
    "enveloped intake",
    "events.ts",
    "rawMessageDelivery: true",
    "rawMessageDelivery: false",
    /forwards messages unchanged/,
  ),
  mutation(
    "plain HTTP to the bucket",
    "storage.ts",
    "enforceHttps: true",
    "enforceHttps: false",
    /refused over plain HTTP|allows nothing by its policy/,
  ),
  mutation(
    "public bucket",
    "storage.ts",
    "cors: false,",
    'cors: false,\n    access: "public",',
    /no access from outside|allows nothing|allows a wildcard/,
  ),
  mutation(
    "adopted bucket left open",
    "storage.ts",
    "blockPublicPolicy: true",
    "blockPublicPolicy: false",
    /no access from outside/,
  ),
  mutation("unencrypted writes", "storage.ts", '"AES256" : "aws:kms"', '"AES128" : "aws:kms"', /refuses a write/),
  mutation(
    "another default encryption",
    "storage.ts",
    'sseAlgorithm: "AES256"',
    'sseAlgorithm: "aws:kms"',
    /encrypts by default/,
  ),
  mutation("production emptied", "storage.ts", "forceDestroy = trial", "forceDestroy = true", /never emptied/),
  mutation(
    "staging expires early",
    "storage.ts",
    "expiration: { days }",
    "expiration: { days: 7 }",
    /for longer than a change may wait/,
  ),
  mutation(
    "tarballs expire",
    "storage.ts",
    "filter: { prefix },",
    'filter: { prefix: "" },',
    /never a packument|temporary objects for a day/,
  ),
  mutation(
    "staged versions kept",
    "storage.ts",
    "noncurrentVersionExpiration: { noncurrentDays: FORMER_EXPIRING_DAYS },",
    "",
    /temporary objects for a day/,
  ),
  mutation("not versioned", "storage.ts", "versioning: true", "versioning: false", /is versioned/),
  mutation(
    "kept bucket touched",
    "storage.ts",
    'settings.settings === "replace"',
    "settings.name",
    /is not changed|allows a wildcard/,
  ),
  mutation(
    "a right more",
    "function.ts",
    "actions: [...actions]",
    'actions: [...actions, "s3:GetObjectAcl"]',
    /exactly the rights/,
  ),
  mutation(
    "a wildcard",
    "function.ts",
    "actions: [...actions]",
    'actions: [...actions, "s3:*"]',
    /exactly the rights|no wildcard action/,
  ),
  mutation(
    "a wider resource",
    "function.ts",
    "const resources = on",
    'const resources = name === "read" ? ["*"] : on',
    /exactly the rights|no wildcard action/,
  ),
  mutation(
    "a row more",
    "rights.ts",
    '{ actions: ["sqs:SendMessage"], on: ["change queue"], why: "queue the change" }',
    '{ actions: ["sqs:SendMessage", "sqs:PurgeQueue"], on: ["change queue"], why: "queue the change" }',
    /docs\/rights.md repeats it/,
  ),
  mutation("SST's managed policy", "function.ts", "args.managedPolicyArns = [];", "", /managed policy/),
  mutation("SST's trust", "function.ts", "if (!$dev)", "if ($dev)", /only Lambda may assume its role/),
  mutation("x86", "function.ts", '"arm64"', '"x86_64"', /on Node 24 and arm64/),
  mutation(
    "logs kept for ever",
    "function.ts",
    "retentionInDays: Number(settings.logDays)",
    "retentionInDays: 0",
    /kept for thirty days/,
  ),
  mutation("open to browsers", "api.ts", "cors: false", "cors: true", /browser on another site/),
  mutation("paths logged", "api.ts", 'route: "$context.routeKey"', 'route: "$context.path"', /neither path nor query/),
  mutation("unbounded requests", "api.ts", "throttlingRateLimit: throttle.rate,", "", /requests are bounded/),
  mutation("reads by write", "api.ts", '$default: "read"', '$default: "write"', /answered by/),
  mutation("a second name", "api.ts", "domain !== undefined", "false", /only name/),
  mutation("patient dead letters", "alarms.ts", "above: 0", "above: 5", /DeadLetters/),
  mutation("silent alarms", "alarms.ts", "alarmActions: [topic.arn],", "", /each is sent when/),
  mutation(
    "no graph of errors",
    "dashboard.ts",
    '["Errors", "Sum", each("Errors")],',
    "",
    /graph: Errors|no other graph/,
  ),
  mutation(
    "unmailed alarms",
    "alarms.ts",
    "endpoint: alarmEmail",
    'endpoint: "nobody@acme.example"',
    /mailed to the operator/,
  ),
];

type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
};

/** The names of the tests that fail. @throws Error if no test ran, for example because the mutation does not compile. */
function failing(): string[] {
  rmSync(REPORT, { force: true });
  const args = [path.join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--config", "stacks/vitest.config.ts"];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  const results = read(`${stdout}\n${stderr}`).testResults.flatMap(({ assertionResults }) => assertionResults);
  if (results.length === 0) throw new Error(`no test ran:\n${stdout}\n${stderr}`);
  return results.filter(({ status }) => status === "failed").map(({ fullName }) => fullName.trim());
}

function read(output: string): Report {
  try {
    return JSON.parse(readFileSync(REPORT, "utf8")) as Report;
  } catch (cause) {
    throw new Error(`vitest wrote no report:\n${output}`, { cause });
  }
}

/** Describes how the tests failed to catch the mutation; `undefined` if they caught it. */
function survived({ file, from, to, fails }: Mutation): string | undefined {
  const full = path.join(ROOT, "stacks", file);
  const text = readFileSync(full, "utf8");
  if (!text.includes(from)) return `stacks/${file} has no ${from}`;
  try {
    writeFileSync(
      full,
      text.replace(from, () => to),
    );
    const names = failing();
    const others = names.filter((name) => !fails.test(name));
    if (names.length === 0) return "no test failed";
    return others.length === 0 ? undefined : `other tests failed too:\n    ${others.join("\n    ")}`;
  } finally {
    writeFileSync(full, text);
  }
}

const chosen = MUTATIONS.filter(({ name }) => name.includes(process.argv[2] ?? ""));
let wrong = 0;
for (const one of chosen) {
  const problem = survived(one);
  if (problem !== undefined) wrong++;
  console.log(problem === undefined ? `caught    ${one.name}` : `NOT RIGHT ${one.name}: ${problem}`);
}
console.log(`${chosen.length - wrong} of ${chosen.length} caught by exactly their tests`);
process.exitCode = wrong === 0 ? 0 : 1;
