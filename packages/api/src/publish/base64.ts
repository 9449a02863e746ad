import { ApiError } from "../errors.ts";

/** Text is collected to so many characters, a multiple of four, before it is decoded. */
const PIECE = 64 * 1024;

/** Decodes base64 as it streams in. Whitespace is refused: npm sends none. @throws ApiError `invalid`. */
export async function* decodeBase64(pieces: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let held: string[] = [];
  let length = 0;
  let padded = false;
  const decode = (text: string): Uint8Array => {
    if (padded || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
      throw new ApiError("invalid", "the attachment's data is not valid base64");
    padded = text.endsWith("=");
    return Buffer.from(text, "base64");
  };
  for await (const piece of pieces) {
    held.push(piece);
    length += piece.length;
    if (length < PIECE) continue;
    const text = held.join("");
    const whole = text.length - (text.length % 4);
    yield decode(text.slice(0, whole));
    held = [text.slice(whole)];
    length = text.length - whole;
  }
  if (length % 4 !== 0) throw new ApiError("invalid", "the attachment's data is not valid base64: it is cut off");
  if (length > 0) yield decode(held.join(""));
}
