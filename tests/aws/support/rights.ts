import type { Cloud } from "../../../scripts/aws-local/cloud.ts";
import { permits, type FunctionName, type Target } from "../../../stacks/rights.ts";
import type { Client } from "./wire.ts";

type Input = {
  readonly Key?: string;
  readonly IfMatch?: string;
  readonly CopySource?: string;
  readonly QueueUrl?: string;
  readonly TopicArn?: string;
};
type Need = readonly [action: string, target: Target];

/** The action that each command of the SDK is to IAM. Source: Service Authorization Reference, S3, SQS, SNS. */
const S3_ACTIONS: Readonly<Record<string, string>> = {
  GetObject: "s3:GetObject",
  HeadObject: "s3:GetObject",
  PutObject: "s3:PutObject",
  CopyObject: "s3:PutObject",
  CreateMultipartUpload: "s3:PutObject",
  UploadPart: "s3:PutObject",
  CompleteMultipartUpload: "s3:PutObject",
  AbortMultipartUpload: "s3:AbortMultipartUpload",
  DeleteObject: "s3:DeleteObject",
};
const OTHER_ACTIONS: Readonly<Record<string, string>> = {
  SendMessage: "sqs:SendMessage",
  ReceiveMessage: "sqs:ReceiveMessage",
  DeleteMessage: "sqs:DeleteMessage",
  ChangeMessageVisibility: "sqs:ChangeMessageVisibility",
  Publish: "sns:Publish",
};

/** What a request needs. @throws Error for a command that this does not know: an unknown one must not pass as allowed. */
function needs(command: string, input: Input, cloud: Cloud): readonly Need[] {
  if (command === "ListObjectsV2") return [["s3:ListBucket", "bucket"]];
  const object = S3_ACTIONS[command];
  if (object !== undefined) {
    const target: Target = `bucket/${input.Key ?? ""}`;
    const source = input.CopySource?.replace(/^\/?[^/]+\//, "");
    return [
      [object, target],
      ...(input.IfMatch === undefined ? [] : [["s3:GetObject", target] as const]),
      ...(source === undefined ? [] : [["s3:GetObject", `bucket/${decodeURIComponent(source)}`] as const]),
    ];
  }
  const action = OTHER_ACTIONS[command.replace(/Batch$/, "")];
  if (action === undefined)
    throw new Error(`no test knows what ${command} needs; name it in tests/aws/support/rights.ts`);
  const targets: Readonly<Record<string, Target>> = {
    [cloud.queueUrl]: "change queue",
    [cloud.intakeUrl]: "intake queue",
    [cloud.deadLettersUrl]: "dead-letter queue",
    [cloud.intakeDeadLettersUrl]: "intake dead-letter queue",
    [cloud.topicArn]: "event topic",
  };
  const target = targets[input.QueueUrl ?? input.TopicArn ?? ""];
  if (target === undefined) throw new Error(`${command} goes to something that the stacks do not have`);
  return [[action, target]];
}

export type Guard = {
  /** Refused: what a function asked for without the right. */
  readonly refused: string[];
  /** Every right that was used, as `read s3:GetObject`. */
  readonly used: Set<string>;
  watch(name: FunctionName, client: Client, cloud: Cloud): void;
};

type Next = (args: { readonly input: Input }) => Promise<unknown>;
type Middleware = (next: Next, context: { readonly commandName?: string }) => Next;

/** Refuses, as IAM does, what `stacks/rights.ts` does not allow. The emulator itself allows everything. */
export function createGuard(): Guard {
  const refused: string[] = [];
  const used = new Set<string>();
  return {
    refused,
    used,
    watch(name, client, cloud) {
      const stack = client.middlewareStack as unknown as {
        add(middleware: Middleware, options: { step: "initialize" }): void;
      };
      const middleware: Middleware =
        (next, { commandName = "" }) =>
        async (args) => {
          for (const [action, target] of needs(commandName.replace(/Command$/, ""), args.input, cloud)) {
            used.add(`${name} ${action}`);
            if (permits(name, action, target)) continue;
            refused.push(`${name}: ${action} on ${target}`);
            throw Object.assign(new Error(`${name} may not ${action} on ${target}`), {
              name: "AccessDenied",
              $fault: "client",
              $metadata: { httpStatusCode: 403 },
            });
          }
          return next(args);
        };
      stack.add(middleware, { step: "initialize" });
    },
  };
}
