import { RIGHTS, type FunctionName, type Target } from "./rights.ts";
import type { Settings } from "./settings.ts";

/** The ARNs of the resources, by their names in `rights.ts`. `key of the bucket` is absent if S3's own key encrypts. */
export type Arns = Partial<Record<Exclude<Target, `bucket/${string}` | "own log group">, $util.Input<string>>>;

export type FunctionShape = {
  readonly name: FunctionName;
  /** Seconds. */
  readonly timeout: number;
  /** Megabytes; 1,769 is one full processor. Source: Lambda, "Configure Lambda function memory". */
  readonly memory: number;
  /** Concurrent executions that are reserved for this function; it never exceeds them. Absent: it shares the account's. */
  readonly reserved: number | undefined;
  readonly environment: Readonly<Record<string, $util.Input<string>>>;
};

/**
 * A Lambda function with exactly the rights of `rights.ts`.
 *
 * By default SST attaches AWSLambdaBasicExecutionRole, which may write every log of the account, and grants `s3:*`, `sqs:*` and
 * `sns:*` for a link. So nothing is linked here, and the role may write only its own log group.
 */
export function lambda(
  { name, timeout, memory, reserved, environment }: FunctionShape,
  arns: Arns,
  settings: Settings,
): sst.aws.Function {
  const title = `${name[0].toUpperCase()}${name.slice(1)}`;
  const logs = new aws.cloudwatch.LogGroup(`${title}Logs`, {
    namePrefix: `/aws/lambda/${$app.name}-${$app.stage}-${name}-`,
    retentionInDays: Number(settings.logDays),
  });
  const permissions = RIGHTS[name].flatMap(({ actions, on }) => {
    const resources = on.flatMap((target) => arnOf(target, { ...arns, logs: logs.arn }) ?? []);
    return resources.length === 0 ? [] : [{ actions: [...actions], resources }];
  });
  return new sst.aws.Function(title, {
    handler: `packages/functions/src/entries/${name}.handler`,
    description: `codebox ${name}`,
    runtime: "nodejs24.x",
    architecture: "arm64",
    timeout: `${timeout} seconds`,
    memory: `${memory} MB`,
    // The source map is in the bundle because of `sourcemap: true`. With it a stack in the log names our files and lines.
    environment: { ...environment, NODE_OPTIONS: "--enable-source-maps" },
    ...(reserved === undefined ? {} : { concurrency: { reserved } }),
    nodejs: { format: "esm", minify: true, sourcemap: true },
    // The functions write JSON themselves. Lambda's own JSON format would wrap it and hide embedded metrics.
    logging: { logGroup: logs.name, format: "text" },
    permissions: settings.tracing ? [...permissions, TRACE] : permissions,
    transform: {
      function(args) {
        if (settings.tracing) args.tracingConfig = { mode: "Active" };
      },
      role(args) {
        args.managedPolicyArns = [];
        // SST allows the complete account to assume the role. Only `sst dev` needs this.
        if (!$dev) args.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" });
      },
    },
  });
}

/** What Lambda needs in the role to send traces. X-Ray knows no resources. Source: AWSXRayDaemonWriteAccess. */
const TRACE = { actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] };

/** The ARN of a target; `undefined` for the KMS key if the stage has none. */
function arnOf(target: Target, arns: Arns & { readonly logs: $util.Input<string> }): $util.Input<string> | undefined {
  if (target === "own log group") return $interpolate`${arns.logs}:*`;
  if (target.startsWith("bucket/"))
    return $interpolate`${known("bucket", arns.bucket)}/${target.slice("bucket/".length)}`;
  const name = target as keyof Arns;
  return name === "key of the bucket" ? arns[name] : known(name, arns[name]);
}

function known(name: string, arn: $util.Input<string> | undefined): $util.Input<string> {
  if (arn === undefined) throw new Error(`rights.ts names the ${name}, but this stage does not have one`);
  return arn;
}
