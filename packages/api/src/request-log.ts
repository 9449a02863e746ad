import type { Principal } from "@codebox/core";
import type { RequestLog } from "./context.ts";
import { loggable } from "./loggable.ts";

/** What the log says of an answered request. @param ms milliseconds until the answer began */
export function requestLog(
  {
    method,
    path,
    command,
    principal,
  }: {
    readonly method: string;
    readonly path: string;
    readonly command: string | undefined;
    readonly principal: Principal;
  },
  status: number,
  ms: number,
): RequestLog {
  return {
    method,
    path: loggable(path),
    status,
    ms,
    ...(principal.kind === "anonymous" ? {} : { user: principal.name }),
    ...(command === undefined ? {} : { command: loggable(command) }),
  };
}
