/** An IAM policy document. */
export type PolicyDocument = { readonly Version: "2012-10-17"; readonly Statement: readonly PolicyStatement[] };
export type PolicyStatement = {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal?: { readonly Service: string };
  readonly Action: readonly string[];
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

const policy = (...Statement: PolicyStatement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });

/**
 * What the role of a service needs to send changes, and no more: `sns:Publish` on the intake topic, or `sqs:SendMessage` on the
 * intake queue. Both actions also count for batches.
 *
 * @example producerPolicy({ topicArn: "arn:aws:sns:eu-central-1:123456789012:codebox-intake.fifo" })
 */
export function producerPolicy(to: { readonly topicArn: string } | { readonly queueArn: string }): PolicyDocument {
  return "topicArn" in to
    ? policy({ Sid: "SendChanges", Effect: "Allow", Action: ["sns:Publish"], Resource: to.topicArn })
    : policy({ Sid: "SendChanges", Effect: "Allow", Action: ["sqs:SendMessage"], Resource: to.queueArn });
}

/** What the role of a subscriber needs to receive events from its own queue. */
export function subscriberPolicy({ queueArn }: { readonly queueArn: string }): PolicyDocument {
  const Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"];
  return policy({ Sid: "ReceiveEvents", Effect: "Allow", Action, Resource: queueArn });
}

/** The policy of a subscriber's queue: the event topic may send to it. */
export function subscriberQueuePolicy(of: { readonly queueArn: string; readonly topicArn: string }): PolicyDocument {
  return policy({
    Sid: "TakeEvents",
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: ["sqs:SendMessage"],
    Resource: of.queueArn,
    Condition: { ArnEquals: { "aws:SourceArn": of.topicArn } },
  });
}
