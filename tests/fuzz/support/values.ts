import fc from "fast-check";

export type Json = unknown;

/** Texts that some reader treats in a special way. */
const oddText = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    ".",
    "..",
    "../x",
    "/",
    "\\",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "latest",
    "wire",
    "WIRE",
    "@acme/wire",
    "@acme%2fwire",
    "1.0.0",
    "v1.0.0",
    "01.0.0",
    "1.0.0+build",
    "^1.0.0",
    "1",
    "999999999999999999999.0.0",
    "\u0000",
    "\u001b[2J",
    "\u009b2J",
    "\u007f",
    "\ud800",
    "\ufeff",
    "\u202e",
    "\uffff",
    "e\u0301",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "http://127.0.0.1:1/x",
    "file:///etc/passwd",
    "git+ssh://git@github.com/a/b.git#c",
    "user/repo",
    "alice <a@example.test> (http://example.test)",
    "_codebox/staging/x",
    "2026-01-01T00:00:00.000Z",
    "999999-01-01",
    "9-0",
    "sha1-AAAA",
    "a b",
    "%",
    "%00",
    "\n",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);

/** Short pieces that make a regular expression go back when they are repeated. */
const piece = fc.constantFrom(
  "a",
  " ",
  "\t",
  "\n",
  "=",
  "-",
  ".",
  "1.",
  "1-",
  "0",
  "||",
  "@",
  "/",
  "../",
  "a/",
  "#",
  ":",
  "<",
  "(",
  "\\",
  "%2e",
  "x@",
  "git@",
  "git+",
  "github:",
  "é",
  "\u0301",
  "\u{1f600}",
  ">=1 ",
  "^1||",
  "-a-",
  "{",
  "[",
);
const large = fc.record({
  grow: fc.constantFrom("text", "list", "object", "nested"),
  piece,
  bytes: fc.constantFrom(300, 5_000, 70_000, 500_000),
});

const oddValue: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: oddText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(
      null,
      true,
      false,
      0,
      -1,
      1e21,
      1.5,
      [],
      {},
      [null],
      [[]],
      [{}],
      { length: 1 },
      { constructor: null },
      { toString: 1, valueOf: 1 },
      { name: "x" },
      { url: "javascript:x" },
    ),
  },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

export type Mutation = {
  readonly at: number;
  readonly how: "set" | "remove" | "add" | "copy" | "grow";
  readonly key: string;
  readonly value: Json;
  readonly large: { readonly grow: string; readonly piece: string; readonly bytes: number };
};
export const mutations = fc.array(
  fc.record<Mutation>({
    at: fc.nat(200),
    how: fc.constantFrom("set", "set", "set", "set", "remove", "remove", "add", "add", "copy", "grow"),
    key: oddText,
    value: oddValue,
    large,
  }),
  { maxLength: 4 },
);

type Place = { readonly holder: Record<string, Json> | Json[]; readonly key: string | number };

/** The document with each mutation made in a place of its own. What it was made of stays as it is. */
export function mutated(document: Json, list: readonly Mutation[]): Json {
  const root: { it: Json } = { it: structuredClone(document) };
  for (const mutation of list) {
    const places = placesIn(root, 5_000);
    const place = places[mutation.at % places.length];
    if (place) mutate(place, mutation, places);
  }
  return root.it;
}

function mutate(
  { holder, key }: Place,
  { how, key: name, value, large: size, at }: Mutation,
  all: readonly Place[],
): void {
  const target = holder as Record<string | number, Json>;
  const present = target[key];
  if (how === "set") target[key] = structuredClone(value);
  else if (how === "grow") target[key] = grown(size, present);
  else if (how === "copy") {
    const from = all[(at * 7 + 3) % all.length];
    if (from) target[key] = structuredClone((from.holder as Record<string | number, Json>)[from.key]);
  } else if (how === "remove") {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete target[key];
  } else if (Array.isArray(present)) present.push(structuredClone(value));
  else if (typeof present === "object" && present !== null) define(present, name, structuredClone(value));
  else target[key] = [present, structuredClone(value)];
}

/** Also `__proto__` becomes a field of its own. */
function define(object: object, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function grown({ grow, piece: text, bytes }: Mutation["large"], present: Json): Json {
  const count = Math.ceil(bytes / Buffer.byteLength(text));
  if (grow === "text") return text.repeat(count);
  const few = Math.ceil(bytes / 12);
  if (grow === "list") {
    const item = present === undefined || JSON.stringify(present).length > 40 ? text : present;
    return Array.from({ length: few }, () => structuredClone(item));
  }
  if (grow === "object") return Object.fromEntries(Array.from({ length: few }, (_, index) => [`${text}${index}`, "1"]));
  let nested: Json = text;
  for (let depth = 0; depth < Math.min(bytes, 1_000); depth++) nested = depth % 2 === 0 ? [nested] : { x: nested };
  return nested;
}

function placesIn(root: { it: Json }, most: number): readonly Place[] {
  const places: Place[] = [];
  const waiting: Place[] = [{ holder: root, key: "it" }];
  for (let place = waiting.shift(); place && places.length < most; place = waiting.shift()) {
    places.push(place);
    const value = (place.holder as Record<string | number, Json>)[place.key];
    if (typeof value !== "object" || value === null) continue;
    const holder = value as Record<string, Json> | Json[];
    for (const key of Object.keys(holder).slice(0, 200)) waiting.push({ holder, key });
  }
  return places;
}

export type TextEdit = { readonly at: number; readonly how: "insert" | "cut" | "truncate"; readonly text: string };
/** Edits of the JSON's text: what no JSON library would write. */
export const textEdits = fc.oneof(
  { weight: 5, arbitrary: fc.constant<readonly TextEdit[]>([]) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.record<TextEdit>({
        at: fc.nat(4_000),
        how: fc.constantFrom("insert", "insert", "cut", "truncate"),
        text: fc.oneof(
          fc.constantFrom(
            '"',
            ",",
            "{",
            "}",
            "[",
            "]",
            ":",
            "\\",
            '"name":1,',
            '"__proto__":{},',
            "NaN",
            "1e999",
            "-",
            "\u0000",
            "\u00ff",
            "/**/",
            "\ufeff",
            "\\ud800",
            "\\u0000",
            "\u00c3\u0028",
            "0".repeat(200),
          ),
          fc.string({ unit: "binary", maxLength: 4 }),
        ),
      }),
      { maxLength: 2 },
    ),
  },
);

/** In latin1, so that an edit may also break UTF-8. */
export function editedText(text: string, edits: readonly TextEdit[]): Buffer {
  let bytes = Buffer.from(text);
  for (const { at, how, text: insert } of edits) {
    const place = at % (bytes.length + 1);
    const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
    if (how === "insert") bytes = Buffer.concat([head, Buffer.from(insert, "latin1"), tail]);
    else bytes = how === "truncate" ? Buffer.from(head) : Buffer.concat([head, tail.subarray(3)]);
  }
  return bytes;
}
