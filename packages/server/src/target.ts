import type { IncomingMessage } from "node:http";
import { pathProblem } from "@codebox/api";
import { RequestError } from "@hono/node-server";

/**
 * Looks at a request as it was sent, before it becomes a URL.
 *
 * The path: a Request resolves its dot segments, and what names one package would reach another. The host: two Host lines, or a
 * Host beside another host in the target, would let a proxy and this server see two requests.
 * Source: RFC 9112, 3.2 (a request with more than one Host line is 400) and 3.2.2 (Host is identical to the target's authority).
 *
 * @throws RequestError
 */
export function checkTarget(incoming: Pick<IncomingMessage, "url" | "rawHeaders" | "headers">): void {
  const target = incoming.url ?? "/";
  const problem = pathProblem(target.split(/[?#]/, 1)[0] ?? "/");
  if (problem) throw new RequestError(problem.message, { cause: problem });
  const hostLines = incoming.rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "host");
  if (hostLines.length > 1) throw new RequestError("it has more than one Host line");
  if (!/^https?:/i.test(target)) return;
  const authority = /^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? "";
  if (authority.includes("@")) throw new RequestError("its target names a user");
  if (authority.toLowerCase() !== incoming.headers.host?.trim().toLowerCase())
    throw new RequestError("its target and its Host line name different hosts");
}
