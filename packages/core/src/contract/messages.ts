import * as z from "zod";
import { SERVICE_ACTIONS } from "../access/services.ts";
import { kinds } from "../domain/changes/index.ts";
import { EVENT_DATA_FIELDS, EVENT_FIELDS } from "../domain/event.ts";
import { ChangeId, PackageName } from "../domain/names.ts";
import { REJECTION_CODES } from "../domain/outcome.ts";
import { jsonSchemaOf, type DefinedSchema, type JsonSchema } from "./json-schema.ts";

/** A message of one kind. */
export type KindOfMessage = { readonly type: string } & DefinedSchema;

/** Every kind of change, as it is queued once it is accepted. */
export function changeKinds(): readonly KindOfMessage[] {
  return kinds.map(({ type, schema }) => ({ type, ...jsonSchemaOf(schema) }));
}

/** The kinds that another service may send, without the actor: the registry sets it to the sender of the message. */
export function serviceKinds(): readonly KindOfMessage[] {
  const isForServices = new Set(kinds.filter(({ action }) => ACTIONS.has(action)).map(({ type }) => type));
  return changeKinds()
    .filter(({ type }) => isForServices.has(type))
    .map((kind) => ({ ...kind, schema: withoutActor(kind.schema) }));
}

const ACTIONS: ReadonlySet<string> = new Set(SERVICE_ACTIONS);

function withoutActor(schema: JsonSchema): JsonSchema {
  const { actor: _, ...properties } = schema["properties"] as Readonly<Record<string, unknown>>;
  const required = (schema["required"] as readonly string[]).filter((field) => field !== "actor");
  return { ...schema, properties, required };
}

/** Every kind of event. */
export function eventKinds(): readonly KindOfMessage[] {
  return kinds.map(({ type, eventFields = {} }) => {
    const data = z.looseObject({ ...EVENT_DATA_FIELDS, ...eventFields });
    return { type, ...jsonSchemaOf(z.looseObject({ ...EVENT_FIELDS, type: z.literal(type), data })) };
  });
}

/** An event of any kind, also of one that this version does not know. */
export function anyEvent(): DefinedSchema {
  const data = z.looseObject(EVENT_DATA_FIELDS);
  return jsonSchemaOf(z.looseObject({ ...EVENT_FIELDS, type: z.string(), data }));
}

/** What `GET /-/changes/:id` answers about a change. */
export function outcome(): DefinedSchema {
  const change = { id: ChangeId, name: PackageName };
  const code = z.enum(REJECTION_CODES);
  const tags = z.record(z.string(), z.string());
  return jsonSchemaOf(
    z.union([
      z.looseObject({ ...change, state: z.literal("pending").describe("The change waits in the queue.") }),
      z.looseObject({
        ...change,
        state: z.literal("applied").describe("The change is in the package."),
        sequence: EVENT_FIELDS.sequence,
        revision: EVENT_FIELDS.revision,
        "dist-tags": tags.optional().describe("The tags right after the change."),
      }),
      z.looseObject({
        ...change,
        state: z.literal("rejected").describe("The package refused the change."),
        code: code.describe("For programs."),
        error: z.string().describe("For people: what is wrong and how to fix it."),
      }),
      z.looseObject({
        ...change,
        state: z.literal("failed").describe("The change is a dead letter, until an operator redrives it."),
        error: z.string(),
      }),
    ]),
  );
}
