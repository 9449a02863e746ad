/** A JSON Schema as the contract has them: draft 7, `#/definitions/…` references only. */
export type Schema = { readonly [keyword: string]: unknown };

/**
 * - `input`: what others send. What was valid must stay valid.
 * - `output`: what others receive. What is sent must be valid by the schema that they know; more fields and kinds may come.
 */
export type Direction = "input" | "output";

/**
 * What in a schema would break those who were written for an earlier one. Each problem is a path and a reason.
 *
 * @example breakingChanges(released, current, "input") // ["tag.put.at: is required now"]
 *
 * It compares structure: types, values, fields, limits, patterns, alternatives. A pattern that differs in any way is a problem, since
 * nobody can compare two patterns.
 */
export function breakingChanges(before: Schema, after: Schema, direction: Direction): readonly string[] {
  if (direction === "input") return refusals({ root: before, schema: before }, { root: after, schema: after }, "");
  const removed = removedFields({ root: before, schema: before }, { root: after, schema: after }, "");
  return [...removed, ...refusals({ root: after, schema: after }, { root: before, schema: before }, "")];
}

type At = { readonly root: Schema; readonly schema: Schema };

/** A schema behind its references, and without the `allOf` of one that zod wraps a description in. */
function resolved({ root, schema }: At): At {
  const { $ref, allOf } = schema as { readonly $ref?: string; readonly allOf?: readonly Schema[] };
  const [only] = allOf?.length === 1 ? allOf : [];
  if (only && !("if" in only)) return resolved({ root, schema: only });
  if ($ref === undefined) return { root, schema };
  const target = record(root["definitions"])[$ref.slice("#/definitions/".length)];
  if (target === undefined) throw new Error(`${$ref} is not defined`);
  return resolved({ root, schema: target as Schema });
}

/** Why something that `from` allows is refused by `to`. */
function refusals(from: At, to: At, path: string): readonly string[] {
  const [one, other] = [resolved(from), resolved(to)];
  return [
    ...types(one.schema, other.schema).map((reason) => `${path || "the message"}: ${reason}`),
    ...limits(one.schema, other.schema).map((reason) => `${path || "the message"}: ${reason}`),
    ...fields(one, other, path),
    ...items(one, other, path),
    ...alternatives(one, other, path),
    ...kinds(one, other, path),
  ];
}

function types(from: Schema, to: Schema): readonly string[] {
  const [some, others] = [list(from["type"]), list(to["type"])];
  const isTaken = (type: unknown) => others.includes(type) || (type === "integer" && others.includes("number"));
  if (others.length > 0 && (some.length === 0 || !some.every(isTaken)))
    return [`the type ${text(some)} is not ${text(others)}`];
  const [values, known] = [valuesOf(from), valuesOf(to)];
  if (!known) return [];
  if (!values) return [`is only ${text(known)} on one side`];
  return values.filter((value) => !known.includes(value)).map((value) => `the value ${text(value)} is not known`);
}

function valuesOf(schema: Schema): readonly unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  return schema["enum"] as readonly unknown[] | undefined;
}

const UPPER = ["maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"] as const;
const LOWER = ["minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"] as const;

function limits(from: Schema, to: Schema): readonly string[] {
  const beyond = (keyword: string, isBeyond: (value: number, limit: number) => boolean) => {
    const [value, limit] = [from[keyword], to[keyword]] as [number | undefined, number | undefined];
    return limit !== undefined && (value === undefined || isBeyond(value, limit));
  };
  return [
    ...UPPER.filter((keyword) => beyond(keyword, (value, limit) => value > limit)),
    ...LOWER.filter((keyword) => beyond(keyword, (value, limit) => value < limit)),
    ...["pattern", "format"].filter((keyword) => to[keyword] !== undefined && to[keyword] !== from[keyword]),
  ].map((keyword) => `${keyword} differs: ${text(from[keyword])} and ${text(to[keyword])}`);
}

function fields(from: At, to: At, path: string): readonly string[] {
  const [some, others] = [record(from.schema["properties"]), record(to.schema["properties"])];
  const isClosed = to.schema["additionalProperties"] === false;
  const given = list(from.schema["required"]);
  const missing = list(to.schema["required"]).filter((field) => !given.includes(field));
  const names = (field: string) => (path === "" ? field : `${path}.${field}`);
  return [
    ...missing.map((field) => `${names(String(field))}: is required on one side only`),
    ...Object.entries(some).flatMap(([field, schema]) => {
      const other = others[field];
      if (other)
        return refusals({ ...from, schema: schema as Schema }, { ...to, schema: other as Schema }, names(field));
      return isClosed ? [`${names(field)}: the field is not known`] : [];
    }),
    ...["additionalProperties", "propertyNames"].flatMap((keyword) => {
      const [one, other] = [from.schema[keyword], to.schema[keyword]];
      if (other === undefined || other === true || one === false) return [];
      if (other === false) return [`${path || "the message"}: takes no other fields`];
      return refusals({ ...from, schema: record(one) }, { ...to, schema: record(other) }, `${path}.*`);
    }),
  ];
}

function items(from: At, to: At, path: string): readonly string[] {
  const [one, other] = [from.schema["items"], to.schema["items"]];
  if (other === undefined) return [];
  return refusals({ ...from, schema: record(one) }, { ...to, schema: record(other) }, `${path}[]`);
}

/** Each alternative of one side must be an alternative of the other. Where none fits, the one that fits best is shown. */
function alternatives(from: At, to: At, path: string): readonly string[] {
  const of = ({ schema }: At) => (schema["oneOf"] ?? schema["anyOf"]) as readonly Schema[] | undefined;
  const others = of(to);
  if (!others) return [];
  return (of(from) ?? [from.schema]).flatMap((one) => {
    const at = typeof one["$ref"] === "string" ? one["$ref"].slice("#/definitions/".length) : path;
    const found = others.map((other) => refusals({ ...from, schema: one }, { ...to, schema: other }, at));
    return found.toSorted((a, b) => a.length - b.length)[0] ?? [];
  });
}

type Kind = {
  readonly if?: { readonly properties: { readonly type: { readonly const: string } } };
  readonly then: Schema;
};

function kindsOf({ schema }: At): ReadonlyMap<string, Schema> {
  const some = ((schema["allOf"] ?? []) as readonly Kind[]).filter((one) => one.if !== undefined);
  return new Map(some.map((kind) => [kind.if?.properties.type.const ?? "", kind.then]));
}

/** The kinds of events that both sides know. One that only one side knows is open: readers ignore it. */
function kinds(from: At, to: At, path: string): readonly string[] {
  const known = kindsOf(from);
  return [...kindsOf(to)].flatMap(([type, schema]) => {
    const one = known.get(type);
    if (one) return refusals({ ...from, schema: one }, { ...to, schema }, type);
    return [`${path || "the message"}: the kind ${type} is gone`];
  });
}

/** Fields that readers know and that are not sent any more, optional ones included. */
function removedFields(before: At, after: At, path: string): readonly string[] {
  const [one, other] = [resolved(before), resolved(after)];
  const others = record(other.schema["properties"]);
  const nested = Object.entries(record(one.schema["properties"])).flatMap(([field, schema]) => {
    const at = path === "" ? field : `${path}.${field}`;
    const next = others[field];
    if (next === undefined) return [`${at}: the field is gone`];
    return removedFields({ ...one, schema: schema as Schema }, { ...other, schema: next as Schema }, at);
  });
  const later = kindsOf(other);
  const ofKinds = [...kindsOf(one)].flatMap(([type, schema]) => {
    const next = later.get(type);
    return next ? removedFields({ ...one, schema }, { ...other, schema: next }, type) : [];
  });
  return [...nested, ...ofKinds];
}

const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];
const record = (value: unknown): Schema => (typeof value === "object" && value !== null ? (value as Schema) : {});
const text = (value: unknown): string => JSON.stringify(value) ?? "any";
