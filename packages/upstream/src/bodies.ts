import { UpstreamMalformed, UpstreamUnavailable } from "@codebox/core";
import type { Answer } from "./http-client.ts";

/** A whole body in memory. `what` names it in the message. @throws UpstreamMalformed when it has more than `bytesMax` */
export async function readWhole({ body }: Answer, bytesMax: number, what: string): Promise<Buffer> {
  return concatenated(atMost(body, bytesMax, what));
}

/** All bytes of a body that is bounded already. */
async function concatenated(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(body));
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

/**
 * Reads whole bodies, and bounds what all of them hold while they arrive.
 *
 * @example const arriving = createBudget(bytesMax); await arriving(atMost(answer.body, most, "packument"));
 * @throws UpstreamUnavailable when a body would take more than is left: it can be asked for again in a moment
 */
export function createBudget(bytesMax: number): (body: AsyncIterable<Uint8Array>) => Promise<Buffer> {
  let held = 0;
  return async (body) => {
    let size = 0;
    const counted = async function* () {
      for await (const chunk of body) {
        size += chunk.byteLength;
        held += chunk.byteLength;
        if (held > bytesMax) throw new UpstreamUnavailable("too much of it is being read here at the same time");
        yield chunk;
      }
    };
    try {
      return await concatenated(counted());
    } finally {
      held -= size;
    }
  };
}

export function tooLarge(what: string, bytesMax: number): UpstreamMalformed {
  return new UpstreamMalformed(`its ${what} is over ${bytesMax} bytes`);
}
