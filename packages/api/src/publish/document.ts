import { parser } from "stream-json/parser.js";
import { Readable } from "node:stream";
import { ApiError } from "../errors.ts";

/** What stands in for a tarball's base64 in the parsed document: its attachment was handed to `onData`. */
export const HANDED_OVER = "";

/** Deepest nesting of objects and arrays. A manifest has five or six; what walks it later does so by recursion. */
const DEPTH_MAX = 100;
/** Most values: millions of tiny ones take time and memory, not bytes. A packument of 10,000 versions has some 600,000. */
const VALUES_MAX = 1_000_000;

export type DocumentReader = {
  /** Bytes of the JSON, tarballs left out, above which it is refused. */
  readonly maxBytes: number;
  /** Takes an attachment's base64 as it streams in. It must read it to the end, or throw. `before` is the document so far. */
  readonly onData: (
    file: string,
    base64: AsyncIterable<string>,
    before: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
};

type Container = { readonly value: Record<string, unknown> | unknown[]; key: string | undefined };

/**
 * Reads a publish's document while it streams in. Every `_attachments.<file>.data` goes to `onData` in pieces; only the rest
 * is held in memory.
 *
 * @throws ApiError `invalid`: not JSON, a key twice in one object, `__proto__`; `too_large`: the JSON is over its limit.
 */
export async function readDocument(bytes: AsyncIterable<Uint8Array>, reader: DocumentReader): Promise<unknown> {
  const source = Readable.from(bytes, { objectMode: false });
  const tokens = parser.asStream({
    packValues: false,
    packKeys: true,
    packNumbers: true,
    streamValues: true,
    streamNumbers: false,
    streamKeys: false,
  });
  let failure: unknown;
  source.on("error", (error) => {
    failure = error;
    tokens.destroy(error);
  });
  try {
    return await assemble(source.pipe(tokens) as AsyncIterable<parser.Token>, reader);
  } catch (error) {
    if (failure instanceof ApiError) throw failure;
    if (error instanceof ApiError || !(error instanceof Error) || !isSyntax(error)) throw error;
    throw new ApiError("invalid", `the body is not JSON, or ended early: ${error.message.slice(0, 200)}`);
  } finally {
    source.destroy();
    tokens.destroy();
  }
}

/** stream-json throws plain errors that begin so. */
function isSyntax(error: Error): boolean {
  return error.message.startsWith("Parser") || error.name === "SyntaxError";
}

async function assemble(tokens: AsyncIterable<parser.Token>, { maxBytes, onData }: DocumentReader): Promise<unknown> {
  const iterator = tokens[Symbol.asyncIterator]();
  const stack: Container[] = [];
  let root: unknown;
  let budget = maxBytes;
  const spend = (bytes: number) => {
    budget -= bytes;
    if (budget < 0)
      throw new ApiError("too_large", `the JSON around the tarball is over the limit of ${maxBytes} bytes`);
  };
  let values = 0;
  const count = () => {
    if (++values > VALUES_MAX) throw new ApiError("too_large", `the JSON has more than ${VALUES_MAX} values`);
  };
  const add = (value: unknown) => {
    const container = stack.at(-1);
    if (!container) root = value;
    else if (Array.isArray(container.value)) container.value.push(value);
    else container.value[container.key ?? ""] = value;
  };
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const token = next.value;
    switch (token.name) {
      case "startObject":
      case "startArray": {
        const value = token.name === "startObject" ? {} : [];
        count();
        if (stack.length >= DEPTH_MAX) throw new ApiError("invalid", `the body nests deeper than ${DEPTH_MAX} levels`);
        add(value);
        stack.push({ value, key: undefined });
        break;
      }
      case "endObject":
      case "endArray":
        stack.pop();
        break;
      case "keyValue":
        spend(token.value.length + 3);
        enter(stack.at(-1), token.value);
        break;
      case "startString": {
        count();
        const file = attachmentAt(stack);
        if (file === undefined) add(await text(iterator, spend));
        else {
          const pieces = stringPieces(iterator);
          await onData(file, pieces, root as Record<string, unknown>);
          add(HANDED_OVER);
        }
        break;
      }
      case "numberValue":
        count();
        add(Number(token.value));
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
  return root;
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

/** The attachment's file when the stack stands at `_attachments.<file>.data`. */
function attachmentAt(stack: readonly Container[]): string | undefined {
  const [root, attachments, attachment] = stack;
  if (stack.length !== 3 || root?.key !== "_attachments" || attachment?.key !== "data") return undefined;
  return attachments?.key;
}

async function text(iterator: AsyncIterator<parser.Token>, spend: (bytes: number) => void): Promise<string> {
  let value = "";
  for await (const piece of stringPieces(iterator)) {
    spend(piece.length);
    value += piece;
  }
  return value;
}

async function* stringPieces(iterator: AsyncIterator<parser.Token>): AsyncGenerator<string> {
  for (;;) {
    const next = await iterator.next();
    if (next.done) throw new ApiError("invalid", "the body ended early; nothing was changed: send it again");
    if (next.value.name === "endString") return;
    if (next.value.name === "stringChunk") yield next.value.value;
  }
}
