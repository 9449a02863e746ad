import { moved, type JsonSchema } from "./json-schema.ts";
import { eventKinds, serviceKinds, type KindOfMessage } from "./messages.ts";

const SCHEMAS = "#/components/schemas/";
const MESSAGES = "#/components/messages/";

/**
 * The channels of the registry as an AsyncAPI 3 document, from the registry's own point of view: it receives changes, and sends
 * events.
 *
 * Source: AsyncAPI specification 3.0.0; bindings of SNS, SQS and HTTP.
 */
export function asyncApi(version: string, path: string): JsonSchema {
  const changes = serviceKinds();
  const events = eventKinds();
  return {
    asyncapi: "3.0.0",
    info: {
      title: "codebox",
      version,
      description:
        `A package registry. Other services send changes of packages, and receive an event for each applied change. ` +
        `The JSON Schemas of the messages are served under ${path}/. Readers ignore fields and kinds of events that they do not know.`,
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: servers(),
    channels: channels(changes, events),
    operations: operations(),
    components: { messages: messages(changes, events), schemas: schemas(changes, events) },
  };
}

function servers(): JsonSchema {
  const region = { description: "The AWS region of the registry." };
  return {
    sns: {
      host: "sns.{region}.amazonaws.com",
      protocol: "sns",
      description: "A registry on AWS.",
      variables: { region },
    },
    sqs: {
      host: "sqs.{region}.amazonaws.com",
      protocol: "sqs",
      description: "A registry on AWS.",
      variables: { region },
    },
    registry: {
      host: "{host}",
      protocol: "https",
      description: "A registry on one machine.",
      variables: { host: { description: "The host of the registry, with its port if it has one." } },
    },
  };
}

const refs = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, { $ref: MESSAGES + name }]));
const onServer = (name: string) => [{ $ref: `#/servers/${name}` }];

function channels(changes: readonly KindOfMessage[], events: readonly KindOfMessage[]): JsonSchema {
  const sent = refs(changes.map(({ type }) => `change.${type}`));
  const announced = refs(events.map(({ type }) => `event.${type}`));
  return {
    intakeTopic: {
      address: null,
      title: "The intake topic",
      description:
        "A FIFO topic; its ARN is an output of the deployment. MessageGroupId is the package's name, or its SHA-256 in hex when the name has over 128 characters; MessageDeduplicationId is the change's id.",
      servers: onServer("sns"),
      messages: sent,
      bindings: { sns: { name: "intake", ordering: { type: "FIFO", contentBasedDeduplication: false } } },
    },
    intakeQueue: {
      address: null,
      title: "The intake queue",
      description: "The FIFO queue behind the intake topic. It takes the same messages, with the same group and id.",
      servers: onServer("sqs"),
      messages: sent,
      bindings: { sqs: { queue: { name: "intake", fifoQueue: true } } },
    },
    eventTopic: {
      address: null,
      title: "The event topic",
      description:
        "A standard topic: at least once, in any order. Message attributes for filter policies: type (tag.put), name (@acme/wire), scope (@acme, or - for none).",
      servers: onServer("sns"),
      messages: announced,
      bindings: { sns: { name: "events", ordering: { type: "standard" } } },
    },
    eventStream: {
      address: "/-/events",
      title: "The event stream",
      description:
        "Server-sent events. The data of each is an event; its id is the position, for Last-Event-ID or ?after=. ?package= selects one package.",
      servers: onServer("registry"),
      messages: announced,
    },
  };
}

function operations(): JsonSchema {
  const on = (channel: string) => ({ $ref: `#/channels/${channel}` });
  return {
    takeChangeFromTopic: {
      action: "receive",
      channel: on("intakeTopic"),
      summary: "Takes a change that another service published.",
    },
    takeChangeFromQueue: {
      action: "receive",
      channel: on("intakeQueue"),
      summary: "Takes a change that another service sent.",
    },
    announceOnTopic: {
      action: "send",
      channel: on("eventTopic"),
      summary: "Announces an applied change, at least once.",
    },
    announceOnStream: {
      action: "send",
      channel: on("eventStream"),
      summary: "Sends the events to a subscriber that connected, from the position that it names.",
      bindings: { http: { method: "GET" } },
    },
  };
}

function messages(changes: readonly KindOfMessage[], events: readonly KindOfMessage[]): JsonSchema {
  const message = (prefix: string, { type }: KindOfMessage) => [
    `${prefix}.${type}`,
    {
      name: type,
      payload: { $ref: `${SCHEMAS}${prefix}.${type}` },
      // An event has the id of its change.
      correlationId: { location: "$message.payload#/id" },
    },
  ];
  return Object.fromEntries([
    ...changes.map((kind) => message("change", kind)),
    ...events.map((kind) => message("event", kind)),
  ]) as JsonSchema;
}

function schemas(changes: readonly KindOfMessage[], events: readonly KindOfMessage[]): JsonSchema {
  const named = (prefix: string, { type, schema, definitions }: KindOfMessage) => [
    ...Object.entries(definitions),
    [`${prefix}.${type}`, schema] as const,
  ];
  const all = [...changes.flatMap((kind) => named("change", kind)), ...events.flatMap((kind) => named("event", kind))];
  return Object.fromEntries(all.map(([name, schema]) => [name, moved(schema, SCHEMAS)]));
}
