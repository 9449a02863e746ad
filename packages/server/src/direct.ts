import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Direct } from "@codebox/api";
import type { Logger } from "pino";

/** Whether the app's detour is worth avoiding: everything else goes to the app at once. */
export function isDirect({ method, url = "", rawHeaders }: IncomingMessage): boolean {
  if (method !== "GET" || !url.endsWith(".tgz")) return false;
  // The app refuses a request with two Host lines.
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "host").length === 1;
}

/** Sends what `direct` answers. `false`: it answers nothing, and nothing was sent. */
export async function sendDirect(
  direct: Direct,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<boolean> {
  const { method = "GET", url = "/", headers } = request;
  // A failure of the store: the app finds it too, and answers and logs it.
  const answer = await direct({ method, target: url, headers }).catch(() => undefined);
  if (!answer) return false;
  response.writeHead(200, answer.headers);
  if (answer.bytes) response.end(answer.bytes);
  else await pipeline(answer.body, response).catch((error: unknown) => report(error, log));
  return true;
}

/** An answer that broke off: because its client went away, or because its bytes could not be read. */
function report(error: unknown, log: Logger): void {
  const isAway = error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
  if (isAway) log.info("a client went away before the end of its tarball");
  else log.error({ err: error }, "an answer broke off");
}
