import { UpstreamMalformed } from "@codebox/core";
import type { Answer } from "./http-client.ts";

/** A whole body in memory. `what` names it in the message. @throws UpstreamMalformed when it has more than `bytesMax` */
export async function readWhole({ body }: Answer, bytesMax: number, what: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(atMost(body, bytesMax, what)));
}

/** The same bytes; throws when there are more than `bytesMax`. */
export async function* atMost(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > bytesMax) throw tooLarge(what, bytesMax);
    yield chunk;
  }
}

export function tooLarge(what: string, bytesMax: number): UpstreamMalformed {
  return new UpstreamMalformed(`its ${what} is over ${bytesMax} bytes`);
}
