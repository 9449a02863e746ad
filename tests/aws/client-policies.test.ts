import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateTopicCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { producerPolicy, subscriberPolicy, type PolicyDocument } from "@codebox/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installMinistack, ROOT_CREDENTIALS, startMinistack } from "../../scripts/ministack.ts";

const ACCOUNT = "123456789012";
const REGION = "eu-central-1";
const arn = (service: string, name: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${name}`;
const denied = { name: expect.stringMatching(/AccessDenied|AuthorizationError/) as string };

let server: Awaited<ReturnType<typeof startMinistack>>;
let root: { endpoint: string; region: string; credentials: typeof ROOT_CREDENTIALS };
const urls: Record<string, string> = {};

beforeAll(async () => {
  await installMinistack();
  server = await startMinistack({ account: ACCOUNT, region: REGION });
  root = { endpoint: server.endpoint, region: REGION, credentials: ROOT_CREDENTIALS };
  const fifo = { FifoQueue: "true" };
  for (const name of ["intake.fifo", "changes.fifo"]) {
    const sqs = new SQSClient(root);
    urls[name] = (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: fifo }))).QueueUrl ?? "";
    const sns = new SNSClient(root);
    await sns.send(new CreateTopicCommand({ Name: name, Attributes: { FifoTopic: "true" } }));
  }
});
afterAll(() => server.stop());

/** Clients of a role that has a policy of the client, and nothing else. */
async function clientsWith(role: string, policy: PolicyDocument) {
  const iam = new IAMClient(root);
  const trust = {
    Effect: "Allow",
    Principal: { AWS: arn("iam", "root").replace(REGION, "") },
    Action: "sts:AssumeRole",
  };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  await iam.send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument }));
  await iam.send(
    new PutRolePolicyCommand({ RoleName: role, PolicyName: "own", PolicyDocument: JSON.stringify(policy) }),
  );
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${role}`;
  const assume = new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" });
  const {
    AccessKeyId = "",
    SecretAccessKey = "",
    SessionToken = "",
  } = (await new STSClient(root).send(assume)).Credentials ?? {};
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  return { sns: new SNSClient({ ...root, credentials }), sqs: new SQSClient({ ...root, credentials }) };
}
const entry = { MessageGroupId: "wire", MessageDeduplicationId: "a" };
const publish = (name: string) => new PublishCommand({ TopicArn: arn("sns", name), Message: "{}", ...entry });
const send = (name: string) => new SendMessageCommand({ QueueUrl: urls[name], MessageBody: "{}", ...entry });
const receive = (name: string) => new ReceiveMessageCommand({ QueueUrl: urls[name] });

describe("the policies of @codebox/client", () => {
  test("a producer publishes to the intake topic, and does nothing else", async () => {
    const { sns, sqs } = await clientsWith("producer", producerPolicy({ topicArn: arn("sns", "intake.fifo") }));
    await expect(sns.send(publish("intake.fifo"))).resolves.toBeDefined();
    await expect(sns.send(publish("changes.fifo"))).rejects.toMatchObject(denied);
    await expect(sqs.send(send("intake.fifo"))).rejects.toMatchObject(denied);
  });
  test("a producer sends to the intake queue, and does not receive from it", async () => {
    const { sqs } = await clientsWith("sender", producerPolicy({ queueArn: arn("sqs", "intake.fifo") }));
    await expect(sqs.send(send("intake.fifo"))).resolves.toBeDefined();
    await expect(sqs.send(send("changes.fifo"))).rejects.toMatchObject(denied);
    await expect(sqs.send(receive("intake.fifo"))).rejects.toMatchObject(denied);
  });
  test("a subscriber receives from its queue, and does not send to it", async () => {
    const { sqs } = await clientsWith("subscriber", subscriberPolicy({ queueArn: arn("sqs", "intake.fifo") }));
    await expect(sqs.send(receive("intake.fifo"))).resolves.toBeDefined();
    await expect(sqs.send(send("intake.fifo"))).rejects.toMatchObject(denied);
    await expect(sqs.send(receive("changes.fifo"))).rejects.toMatchObject(denied);
  });
});
