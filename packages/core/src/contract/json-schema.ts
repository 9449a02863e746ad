import * as z from "zod";

/** A JSON Schema, draft 7: the draft that AsyncAPI builds on, and that validators of every language know. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A schema, and those that it refers to as `#/definitions/<name>`. */
export type DefinedSchema = { readonly schema: JsonSchema; readonly definitions: Readonly<Record<string, JsonSchema>> };

/**
 * The JSON Schema of a zod schema. Types with an `id` in their metadata become definitions.
 *
 * Rules that JSON Schema cannot express are left out, so it accepts everything that zod accepts, and some more.
 *
 * @example jsonSchemaOf(z.object({ tag: Tag })) // { schema: { type: "object", … }, definitions: { Tag: { … } } }
 */
export function jsonSchemaOf(type: z.ZodType): DefinedSchema {
  const {
    $schema: _,
    definitions,
    ...schema
  } = z.toJSONSchema(type, {
    target: "draft-7",
    io: "input",
    override({ jsonSchema }) {
      // zod's own pattern repeats the format. All that the format leaves open is the time zone.
      if (jsonSchema.format === "date-time") jsonSchema.pattern = "Z$";
    },
  });
  const named = Object.entries((definitions ?? {}) as Record<string, JsonSchema>);
  return { schema, definitions: Object.fromEntries(named.map(([name, one]) => [name, withoutIds(one)])) };
}

/** A definition is named by its key. With `id` a draft-4 reader, and with `$id` any other, would resolve references against it. */
function withoutIds(definition: JsonSchema): JsonSchema {
  const { id: _, $id: __, ...schema } = definition;
  return schema;
}

/**
 * A schema with its references moved, for a document that has the definitions elsewhere.
 *
 * @example moved({ $ref: "#/definitions/Tag" }, "#/components/schemas/") // { $ref: "#/components/schemas/Tag" }
 */
export function moved(schema: JsonSchema, to: string): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/definitions/', `"$ref":"${to}`);
  return JSON.parse(text) as JsonSchema;
}
