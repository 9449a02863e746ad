import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import type { TagMove } from "./send.ts";

/** The change `tag.put` as another service sends it. Source: PROTOCOL.md, Change messages of other services. */
export type TagPut = {
  readonly schema: 1;
  /** The sender's own. The same for every try; another change needs another id. */
  readonly id: string;
  readonly name: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly type: "tag.put";
  readonly tag: string;
  readonly version: string;
};

/** A move as a message: without an address and without a token, since the topic's policy decides who may send. */
export type MessageMove = Pick<TagMove, "name" | "tag" | "version" | "key"> & {
  readonly at: Date;
};

/**
 * The message that moves a tag.
 *
 * @example tagPut({ name: "@acme/wire", tag: "next", version: "1.1.0", key: "release-7", at: new Date() })
 */
export function tagPut({ name, tag, version, key, at }: MessageMove): TagPut {
  return { schema: 1, id: key, name, at: at.toISOString(), type: "tag.put", tag, version };
}

/**
 * Publishes a tag move to the intake topic of a registry on AWS.
 *
 * @example await publishMove(new SNSClient({}), topicArn, tagPut(move))
 * Returns when SNS has the message; the registry's events and `GET /-/changes/<id>?package=<name>` say what became of it.
 * Throws what SNS answers, after the SDK's own retries. It is safe to send the same message again.
 */
export async function publishMove(sns: SNSClient, topicArn: string, change: TagPut): Promise<void> {
  await sns.send(
    new PublishCommand({
      TopicArn: topicArn,
      Message: JSON.stringify(change),
      // The order of a package's changes is the order in which they were sent.
      MessageGroupId: change.name,
      MessageDeduplicationId: change.id,
    }),
  );
}
