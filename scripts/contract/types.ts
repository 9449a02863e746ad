import { compile, type JSONSchema } from "json-schema-to-typescript";
import { contractDocument } from "@codebox/core";

/**
 * The messages of the contract as TypeScript, for `packages/client/src/messages.ts`.
 *
 * The kinds of an event have the names `EventTagPut` …; those of a message `TagPut` ….
 */
export async function messageTypes(): Promise<string> {
  const parts = {
    message: contractDocument("message.schema.json"),
    event: contractDocument("event.schema.json"),
    outcome: contractDocument("outcome.schema.json"),
  };
  const kinds = kindsOf(parts.event);
  const properties = {
    change: { title: "ChangeMessage", description: "A change that a service sends.", oneOf: parts.message["oneOf"] },
    event: {
      title: "ChangeEvent",
      description: "An event of a kind that this version knows. Ignore events of other kinds.",
      oneOf: kinds.map((type) => ({ $ref: `#/definitions/event.${type}` })),
    },
    outcome: { title: "Outcome", description: "The status of a change.", anyOf: parts.outcome["anyOf"] },
  };
  const renamed = Object.fromEntries(
    Object.entries(parts.event["definitions"] as Record<string, JSONSchema>).map(([name, schema]) => [
      kinds.includes(name) ? `event.${name}` : name,
      schema,
    ]),
  );
  const definitions = {
    ...renamed,
    ...(parts.outcome["definitions"] as object),
    ...(parts.message["definitions"] as object),
  };
  const contract = {
    title: "Contract",
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    definitions,
  };
  return compile(contract as JSONSchema, "Contract", {
    bannerComment: "// Written by `npm run contract` from the contract's JSON Schemas.",
    additionalProperties: false,
    format: false,
  });
}

function kindsOf(event: Readonly<Record<string, unknown>>): readonly string[] {
  const all = event["allOf"] as readonly { readonly then: { readonly $ref: string } }[];
  return all.map(({ then }) => then.$ref.slice("#/definitions/".length));
}
