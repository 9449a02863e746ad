import { asyncApi } from "./async-api.ts";
import type { DefinedSchema, JsonSchema } from "./json-schema.ts";
import { anyEvent, changeKinds, eventKinds, outcome, serviceKinds, type KindOfMessage } from "./messages.ts";

/**
 * The version of the contract. Within a major version it only grows: what a reader knows stays, and what a sender sends stays valid.
 * The major version is in the documents' addresses.
 */
export const CONTRACT_VERSION = "1.0.0";

/** Where the documents are served: `/-/contract/v1/event.schema.json`. */
export const CONTRACT_PATH = `/-/contract/v${CONTRACT_VERSION.split(".", 1)[0]}`;

/** The names of the documents. */
export const CONTRACT_DOCUMENTS = [
  "message.schema.json",
  "change.schema.json",
  "event.schema.json",
  "outcome.schema.json",
  "asyncapi.json",
] as const;
export type ContractDocument = (typeof CONTRACT_DOCUMENTS)[number];

/**
 * A document of the contract with other services, made from the schemas that the registry itself checks with.
 *
 * - `message.schema.json`: the changes that another service may send.
 * - `change.schema.json`: every change, as it is queued once it is accepted.
 * - `event.schema.json`: what subscribers receive.
 * - `outcome.schema.json`: what `GET /-/changes/:id` answers.
 * - `asyncapi.json`: where these messages go, as AsyncAPI 3.
 *
 * @example contractDocument("event.schema.json")["$id"] // "urn:codebox:contract:1:event"
 */
export function contractDocument(name: ContractDocument): JsonSchema {
  switch (name) {
    case "message.schema.json":
      return document("message", "A change that another service sends", oneOf(serviceKinds()));
    case "change.schema.json":
      return document("change", "An accepted change, as it is queued", oneOf(changeKinds()));
    case "event.schema.json":
      return document("event", "An event: a change was applied", openEvent());
    case "outcome.schema.json":
      return document("outcome", "The status of a change", outcome());
    case "asyncapi.json":
      return asyncApi(CONTRACT_VERSION, CONTRACT_PATH);
  }
}

function document(name: string, title: string, { schema, definitions }: DefinedSchema): JsonSchema {
  const [major] = CONTRACT_VERSION.split(".", 1);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: `urn:codebox:contract:${major}:${name}`,
    title,
    ...schema,
    definitions,
  };
}

/** One of the kinds; each is a definition under its type. */
function oneOf(kinds: readonly KindOfMessage[]): DefinedSchema {
  const schema = { oneOf: kinds.map(({ type }) => ({ $ref: `#/definitions/${type}` })) };
  return { schema, definitions: definitionsOf(kinds) };
}

/** Any event; of a kind that is known, with the fields of the kind. A new kind does not break a subscriber that validates. */
function openEvent(): DefinedSchema {
  const kinds = eventKinds();
  const { schema, definitions } = anyEvent();
  const allOf = kinds.map(({ type }) => ({
    if: { properties: { type: { const: type } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { $ref: `#/definitions/${type}` },
  }));
  return { schema: { ...schema, allOf }, definitions: { ...definitions, ...definitionsOf(kinds) } };
}

function definitionsOf(kinds: readonly KindOfMessage[]): Readonly<Record<string, JsonSchema>> {
  const shared = Object.assign({}, ...kinds.map(({ definitions }) => definitions)) as Record<string, JsonSchema>;
  return { ...shared, ...Object.fromEntries(kinds.map(({ type, schema }) => [type, schema])) };
}
