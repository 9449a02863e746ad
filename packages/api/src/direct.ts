import { NAME_MAX, tarballKey, versionOfFile, type OpenObject } from "@codebox/core";
import { callerOf } from "./auth.ts";
import type { ApiSettings, AppPorts, ReadPorts } from "./context.ts";
import { requestLog } from "./request-log.ts";
import { tarballHeaders } from "./routes/tarball.ts";

/** A request as a host has it, before it becomes a `Request`. Header names are in lower case. */
export type DirectRequest = {
  readonly method: string;
  /** The path and the query, as they were sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};
/** Its status is 200. */
type DirectAnswer = Pick<OpenObject, "bytes" | "body" | "size"> & {
  readonly headers: Readonly<Record<string, string | number>>;
};

/**
 * Answers the most frequent request of an install without the app: a complete tarball of ours, for a caller who may read it. The
 * checks are the app's own functions, in the same order; a `Request`, a `Response` and a router would cost more than they do.
 *
 * `undefined`: the app answers. So it does whenever the answer is not a plain 200: a refusal, a range, a tarball of the upstream.
 *
 * @example const answer = await direct({ method: "GET", target: "/wire/-/wire-1.0.0.tgz", headers: { host: "127.0.0.1:4870" } });
 */
export type Direct = (request: DirectRequest) => Promise<DirectAnswer | undefined>;

/** Headers that make the answer something else than all bytes of the tarball. */
const CONDITIONS = ["range", "if-range", "if-none-match", "content-length", "transfer-encoding", "expect"] as const;
/** A name and a file that need no decoding; every other one is the app's. */
const TARBALL = /^\/((?:@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*)\/-\/([a-z0-9][a-zA-Z0-9._~+-]*\.tgz)$/;
/** A host whose spelling is the one that a URL would give it. */
const HOST = /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?$/;

/** Makes it from the same ports and settings as the app. */
export function createDirect(ports: AppPorts & ReadPorts, settings: Pick<ApiSettings, "isKnownHost">): Direct {
  const { policy, catalog, store, clock } = ports;
  const find = async (name: string, file: string, header: string | undefined) => {
    const { principal, refused } = await callerOf(ports, header);
    if (refused || !policy.may(principal, "read").allowed) return undefined;
    const found = await catalog.find(name, principal);
    const version = found.kind === "ours" ? versionOfFile(found.read.packument, file) : undefined;
    const open = version === undefined ? undefined : await store.open(tarballKey(name, version));
    return open && { principal, open };
  };
  return async ({ method, target, headers }) => {
    const [, name, file] = (method === "GET" && TARBALL.exec(target)) || [];
    const { host, authorization } = headers;
    if (name === undefined || file === undefined || name.length > NAME_MAX) return undefined;
    if (typeof host !== "string" || !HOST.test(host) || settings.isKnownHost?.(host) === false) return undefined;
    if (Array.isArray(authorization) || CONDITIONS.some((header) => headers[header] !== undefined)) return undefined;
    const started = clock.now().getTime();
    const found = await find(name, file, authorization as string | undefined);
    if (!found) return undefined;
    const { principal, open } = found;
    const command = headers["npm-command"];
    const asked = { method, path: target, command: typeof command === "string" ? command : undefined, principal };
    ports.onRequest?.(requestLog(asked, 200, clock.now().getTime() - started));
    return {
      headers: { ...tarballHeaders(open), "content-length": open.size, "x-content-type-options": "nosniff" },
      size: open.size,
      body: open.body,
      ...(open.bytes ? { bytes: open.bytes } : {}),
    };
  };
}
