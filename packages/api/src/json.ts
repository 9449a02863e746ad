import { setImmediate } from "node:timers/promises";
import { getManyValues, isMany, none } from "stream-chain/defs.js";
import { jsonParser, type Token } from "stream-json/core/parser.js";
import {
  JSON_CONTAINER_BYTES,
  JSON_DEPTH_MAX,
  JSON_KEY_MAX,
  JSON_NUMBER_MAX,
  JSON_STRING_MAX,
  JSON_VALUE_BYTES,
  JSON_VALUES_MAX,
} from "@codebox/core";
import { ApiError } from "./errors.ts";

/** What replaces a tarball's base64 in the parsed document: its attachment was handed to `onData`. */
const HANDED_OVER = "";

/** Bytes that are parsed at a time: what one piece makes, in tokens, is held in memory. */
const PIECE_BYTES = 64 * 1024;

export type JsonReader = {
  /** Bytes of the JSON, tarballs left out, above which it is refused. */
  readonly maxBytes: number;
  /** Levels of objects and arrays. Default: `JSON_DEPTH_MAX`. */
  readonly maxDepth?: number | undefined;
  /** Counts the memory that the parsed document takes. May throw, to refuse it. */
  readonly hold?: (bytes: number) => void;
  /** The body is several documents, in an array under this key. `before` is then the document of the attachment so far. */
  readonly documentsIn?: string;
  /** Takes a publish's attachment, in base64, as it streams in. It must read it to the end, or throw. `before` is the document so far. */
  readonly onData?: (
    file: string,
    base64: AsyncIterable<string>,
    before: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
};

type Container = { readonly value: Record<string, unknown> | unknown[]; key: string | undefined };

/**
 * Parses JSON that somebody sent, while it streams in: every limit is checked before the rest is read.
 *
 * With `onData`, every `_attachments.<file>.data` goes there in pieces; only the rest is held in memory.
 * @throws ApiError `invalid`: not JSON, not UTF-8, nested too deep, a key twice in one object (two readers would see two different
 * bodies), `__proto__`; `too_large`: the whole, a string, a key or a number is over its limit, or there are too many values.
 */
export async function parseStream(bytes: AsyncIterable<Uint8Array>, reader: JsonReader): Promise<unknown> {
  const texts = decoded(bytes);
  try {
    return await assemble(createCursor(texts), reader);
  } finally {
    // The sender of the rest of a refused body must not be left waiting.
    await texts.return();
  }
}

/** The tokens of a body, in their order. What is at hand is taken without waiting: a body may have millions. */
type Cursor = {
  /** The next token of those at hand; `undefined`: there is none before `more`. */
  take(): Token | undefined;
  /** Parses the next piece of the body. `false`: there is none. */
  more(): Promise<boolean>;
};

function createCursor(texts: AsyncGenerator<string, void>): Cursor {
  const parse = jsonParser({ packValues: false, streamValues: true });
  let empty = true;
  let tokens: readonly Token[] = [];
  let at = 0;
  let ended = false;
  return {
    take: () => tokens[at++],
    async more() {
      if (ended) return false;
      // A body that stands still must not hold the tokens of its last piece.
      tokens = [];
      at = 0;
      const next = await texts.next();
      // A socket hands over two MiB before the loop asks the next one: others get their turn between two pieces.
      await setImmediate();
      ended = next.done === true;
      if (ended && empty) throw new ApiError("invalid", "the body is empty; JSON was expected");
      empty &&= ended || next.value?.trim() === "";
      try {
        // Its type leaves out that `none` ends it.
        const parsed: unknown = next.done ? parse(none as never) : parse(next.value);
        tokens = isMany(parsed) ? (getManyValues(parsed) as readonly Token[]) : [];
      } catch (error) {
        // The parser throws plain errors, and nothing else in it does.
        const detail = error instanceof Error ? error.message.slice(0, 200) : "malformed";
        throw new ApiError("invalid", `the body is not JSON, or ended early: ${detail}`);
      }
      return true;
    },
  };
}

/** The parser would put U+FFFD where the bytes are not UTF-8. */
async function* decoded(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new ApiError("invalid", "the body is not UTF-8");
    }
  };
  for await (const chunk of bytes)
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) yield decode(chunk.subarray(at, at + PIECE_BYTES));
  decode();
}

async function assemble(
  cursor: Cursor,
  { maxBytes, maxDepth = JSON_DEPTH_MAX, hold, onData, documentsIn }: JsonReader,
): Promise<unknown> {
  const stack: Container[] = [];
  let root: unknown;
  let budget = maxBytes;
  const spend = (bytes: number) => {
    budget -= bytes;
    if (budget < 0) throw new ApiError("too_large", `the JSON is over the limit of ${maxBytes} bytes`);
    hold?.(bytes);
  };
  let values = 0;
  const count = (bytes = JSON_VALUE_BYTES) => {
    hold?.(bytes);
    if (++values > JSON_VALUES_MAX) throw new ApiError("too_large", `the JSON has more than ${JSON_VALUES_MAX} values`);
  };
  const add = (value: unknown) => {
    const container = stack.at(-1);
    if (!container) root = value;
    else if (Array.isArray(container.value)) container.value.push(value);
    else container.value[container.key ?? ""] = value;
  };
  for (;;) {
    const token = cursor.take();
    if (!token) {
      if (await cursor.more()) continue;
      return root;
    }
    switch (token.name) {
      case "startObject":
      case "startArray": {
        const value = token.name === "startObject" ? {} : [];
        count(JSON_CONTAINER_BYTES);
        if (stack.length >= maxDepth) throw new ApiError("invalid", `the body nests deeper than ${maxDepth} levels`);
        add(value);
        stack.push({ value, key: undefined });
        break;
      }
      case "endObject":
      case "endArray":
        stack.pop();
        break;
      case "startKey":
        spend(3);
        enter(stack.at(-1), await whole(cursor, spend, { what: "a key", most: JSON_KEY_MAX }));
        break;
      case "startString": {
        count();
        const attachment = onData && attachmentAt(stack, documentsIn);
        if (attachment === undefined) add(await whole(cursor, spend, { what: "a string", most: JSON_STRING_MAX }));
        else {
          await onData?.(attachment.file, pieces(cursor), attachment.before);
          add(HANDED_OVER);
        }
        break;
      }
      case "startNumber":
        count();
        add(Number(await whole(cursor, spend, { what: "a number", most: JSON_NUMBER_MAX })));
        break;
      case "trueValue":
      case "falseValue":
        count();
        add(token.name === "trueValue");
        break;
      case "nullValue":
        count();
        add(null);
        break;
    }
  }
}

function enter(container: Container | undefined, key: string): void {
  if (!container || Array.isArray(container.value)) return;
  if (key === "__proto__") throw new ApiError("invalid", 'the body has the key "__proto__"; leave it out');
  if (Object.hasOwn(container.value, key))
    throw new ApiError(
      "invalid",
      `the body has the key ${JSON.stringify(key).slice(0, 100)} twice in one object; send each once`,
    );
  container.key = key;
}

/** The attachment whose data comes next, and the document so far, when the stack is at `_attachments.<file>.data` of a document. */
function attachmentAt(
  stack: readonly Container[],
  documentsIn: string | undefined,
): { readonly file: string; readonly before: Record<string, unknown> } | undefined {
  const [body, list] = stack;
  const isListed = documentsIn !== undefined && body?.key === documentsIn && Array.isArray(list?.value);
  const [document, attachments, attachment, ...deeper] = isListed ? stack.slice(2) : stack;
  if (!attachment || deeper.length > 0 || document?.key !== "_attachments" || attachment.key !== "data")
    return undefined;
  if (Array.isArray(document.value) || attachments?.key === undefined) return undefined;
  return { file: attachments.key, before: document.value };
}

/** A string, key or number that was begun. It is refused as soon as it is longer than it may be. */
async function whole(
  cursor: Cursor,
  spend: (bytes: number) => void,
  limit: { readonly what: string; readonly most: number },
): Promise<string> {
  let value = "";
  for (;;) {
    const { text, ended } = atHand(cursor);
    spend(text.length);
    value += text;
    if (value.length > limit.most)
      throw new ApiError("too_large", `the JSON has ${limit.what} of more than ${limit.most} characters`);
    if (ended) return value;
    await moreOf(cursor);
  }
}

async function* pieces(cursor: Cursor): AsyncGenerator<string> {
  for (;;) {
    const { text, ended } = atHand(cursor);
    if (text !== "") yield text;
    if (ended) return;
    await moreOf(cursor);
  }
}

async function moreOf(cursor: Cursor): Promise<void> {
  if (!(await cursor.more())) throw new ApiError("invalid", "the body ended early; nothing was changed: send it again");
}

/** As much of a string, key or number as the tokens at hand hold. */
function atHand(cursor: Cursor): { readonly text: string; readonly ended: boolean } {
  const parts: string[] = [];
  for (let token = cursor.take(); token; token = cursor.take()) {
    if (token.name === "endString" || token.name === "endKey" || token.name === "endNumber")
      return { text: parts.join(""), ended: true };
    if (token.name === "stringChunk" || token.name === "numberChunk") parts.push(token.value);
  }
  return { text: parts.join(""), ended: false };
}
