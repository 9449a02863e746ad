import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { GetQueueUrlCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { createS3Client, createSnsClient, createSqsClient, type ClientOptions } from "@codebox/aws";
import { installMinistack, ROOT_CREDENTIALS, startMinistack } from "../../../scripts/ministack.ts";
import type { Clients, CloudNames } from "../../../scripts/aws-local/cloud.ts";
import type { FunctionName } from "../../../stacks/rights.ts";
import { allowed, stackOf, statements, type Stack, type Statement } from "../../../stacks/test/resources.ts";
import { synthesise } from "../../../stacks/test/synthesise.ts";

const ACCOUNT = "123456789012";
const REGION = "eu-central-1";

export type IamCloud = {
  readonly client: ClientOptions;
  readonly names: CloudNames;
  /** Gives the bucket, the queues and the topics their synthesised policies. */
  closeResources(): Promise<void>;
  /** Clients with the synthesised role of a function, or with the policy of somebody else. */
  clientsOf(name: FunctionName): Promise<Clients>;
  clientsWith(name: string, policy: readonly Statement[]): Promise<Clients>;
  /** What the emulator refused, as `read: PutObject`. */
  readonly refused: string[];
  stop(): Promise<void>;
};

/** An emulator that evaluates IAM, with the roles and resource policies that a deployment of the stacks would make. */
export async function startIamCloud(): Promise<IamCloud> {
  const of = stackOf(await synthesise({ SYNTH_STAGE: "trial", CODEBOX_TRIAL: "true" }));
  await installMinistack();
  const server = await startMinistack({ account: ACCOUNT, region: REGION });
  const client = { endpoint: server.endpoint, region: REGION, credentials: ROOT_CREDENTIALS };
  const root = clientsOf(client);
  const iam = new IAMClient(client);
  const sts = new STSClient(client);
  const refused: string[] = [];
  const clientsWith = async (who: string, role: string, policy: readonly Statement[]) => {
    const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" };
    await iam.send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument: documentOf([trust]) }));
    const document = documentOf(policy.map(toIam));
    await iam.send(new PutRolePolicyCommand({ RoleName: role, PolicyName: "synthesised", PolicyDocument: document }));
    const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${role}`;
    const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: who }));
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
    const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    return watched(clientsOf({ ...client, credentials }), (command) => refused.push(`${who}: ${command}`));
  };
  return {
    client,
    names: namesIn(of),
    closeResources: () => closeResources(root, of),
    clientsOf(name) {
      const role = of.one("iam/role:Role", `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Role`);
      return clientsWith(name, String(role.inputs["name"]), allowed(role));
    },
    clientsWith: (name, policy) => clientsWith(name, name, policy),
    refused,
    stop: () => server.stop(),
  };
}

function clientsOf(options: ClientOptions): Clients {
  return { s3: createS3Client(options), sqs: createSqsClient(options), sns: createSnsClient(options) };
}

const queueOf = (of: Stack, name: string) => String(of.one("sqs/queue:Queue", name).inputs["name"]);
const topicOf = (of: Stack, name: string) => String(of.one("sns/topic:Topic", name).inputs["name"]);

function namesIn(of: Stack): CloudNames {
  return {
    bucket: String(of.outputs["bucket"]),
    changes: queueOf(of, "ChangeQueue"),
    deadLetters: queueOf(of, "DeadLetterQueue"),
    intake: queueOf(of, "IntakeQueue"),
    intakeDeadLetters: queueOf(of, "IntakeDeadLetterQueue"),
    events: topicOf(of, "EventTopic"),
    intakeTopic: topicOf(of, "IntakeTopic"),
    subscriber: "subscriber",
    index: queueOf(of, "IndexQueue"),
    indexDeadLetters: queueOf(of, "IndexDeadLetterQueue"),
  };
}

async function closeResources({ s3, sqs, sns }: Clients, of: Stack): Promise<void> {
  for (const { inputs } of of.all("sqs/queuePolicy:QueuePolicy")) {
    const name = String(inputs["queueUrl"]).split("/").at(-1);
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    const Attributes = { Policy: reachable(inputs["policy"]) };
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  }
  for (const { inputs } of of.all("sns/topicPolicy:TopicPolicy")) {
    const attribute = { AttributeName: "Policy", AttributeValue: reachable(inputs["policy"]) };
    await sns.send(new SetTopicAttributesCommand({ TopicArn: String(inputs["arn"]), ...attribute }));
  }
  const { inputs } = of.one("s3/bucketPolicy:BucketPolicy");
  const Bucket = String(inputs["bucket"]);
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: reachable(inputs["policy"]) }));
}

/** A resource's policy without its refusal of plain HTTP, over which the emulator is reached. */
function reachable(policy: unknown): string {
  const isPlainHttp = ({ conditions = [] }: Statement) =>
    conditions.some(({ variable }) => variable === "aws:SecureTransport");
  return documentOf(
    statements(policy)
      .filter((statement) => !isPlainHttp(statement))
      .map(toIam),
  );
}

const documentOf = (list: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement: list });

/** Actions that AWS also asks for a batch; the emulator asks for an action of the batch. Source: Service Authorization Reference, SQS, SNS. */
const BATCHED = new Set(["sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sns:Publish"]);

/** A statement as IAM has it; the stacks state it as Pulumi's `getPolicyDocument` takes it. */
function toIam({ effect = "Allow", actions, resources, principals, conditions = [] }: Statement): object {
  const groups = Map.groupBy(conditions, ({ test }) => test);
  return {
    Effect: effect,
    Action: actions.flatMap((action) => (BATCHED.has(action) ? [action, `${action}Batch`] : [action])),
    Resource: resources,
    ...(principals ? { Principal: principalOf(principals) } : {}),
    Condition: Object.fromEntries(
      [...groups].map(([test, list]) => [test, Object.fromEntries(list.map((one) => [one.variable, valuesOf(one)]))]),
    ),
  };
}

/**
 * For a session of a role AWS sets `aws:PrincipalArn` to the role; the emulator sets it to the session. Source: IAM User Guide,
 * "AWS global condition context keys".
 */
function valuesOf({ variable, values }: NonNullable<Statement["conditions"]>[number]): readonly string[] {
  if (variable !== "aws:PrincipalArn") return values;
  return values.flatMap((arn) => [
    arn,
    arn.replace(/^arn:aws:iam::(\d+):role\/(.*)$/, "arn:aws:sts::$1:assumed-role/$2/*"),
  ]);
}

function principalOf(principals: NonNullable<Statement["principals"]>): unknown {
  if (principals.some(({ type }) => type === "*")) return "*";
  return Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers]));
}

type Next = (args: object) => Promise<unknown>;
type Middleware = (next: Next, context: { readonly commandName?: string }) => Next;
type Stackable = { add(middleware: Middleware, options: { step: "initialize" }): void };

/** Calls `refused` with the command of each request that is answered 403. */
function watched(clients: Clients, refused: (command: string) => void): Clients {
  const middleware: Middleware =
    (next, { commandName = "" }) =>
    async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: number } };
        if ($metadata?.httpStatusCode === 403) refused(commandName.replace(/Command$/, ""));
        throw error;
      }
    };
  for (const { middlewareStack } of Object.values(clients))
    (middlewareStack as unknown as Stackable).add(middleware, { step: "initialize" });
  return clients;
}
