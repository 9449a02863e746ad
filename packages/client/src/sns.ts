import { PublishBatchCommand, type SNSClient } from "@aws-sdk/client-sns";
import { resultsOf } from "./aws.ts";
import type { Transport } from "./producer.ts";

/** SNS's limits on PublishBatch. A topic may allow more bytes; every topic allows these. Source: SNS API reference, PublishBatch. */
const LIMITS = { entries: 10, bytes: 256 * 1024 };

/**
 * Sends changes to the intake topic of a registry on AWS. Nobody needs a token: IAM decides who may send (`producerPolicy`), and the
 * actor of the change is the sender.
 *
 * @example createProducer({ transport: snsTransport({ client: new SNSClient({}), topicArn: "arn:aws:sns:…:intake.fifo" }) })
 */
export function snsTransport(options: { readonly client: SNSClient; readonly topicArn: string }): Transport {
  const { client, topicArn } = options;
  return {
    limits: LIMITS,
    async send(entries) {
      const PublishBatchRequestEntries = entries.map(({ change, body, group }, index) => ({
        Id: String(index),
        Message: body,
        MessageGroupId: group,
        MessageDeduplicationId: change.id,
      }));
      return resultsOf(entries, () =>
        client.send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries })),
      );
    },
  };
}
