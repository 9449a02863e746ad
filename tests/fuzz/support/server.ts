import assert from "node:assert/strict";
import pino from "pino";
import type { Upstream } from "@codebox/core";
import { startServer } from "@codebox/server";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, makeTarball, type MemoryBackend } from "@codebox/testing";
import { readSettings } from "../../../packages/server/src/settings.ts";
import { sendRaw, type RawAnswer, type RawRequest } from "./raw-http.ts";

export type FuzzedServer = {
  readonly backend: MemoryBackend;
  readonly port: number;
  readonly token: string;
  /** Sends a request and holds the answer against what every answer must be. */
  send(request: RawRequest): Promise<RawAnswer | undefined>;
  /** The same for JSON, with the token. */
  json(method: string, path: string, body?: unknown): Promise<RawAnswer>;
  /** Fails when the log has an error, or what must not be in a log. */
  checkLog(): void;
};

export const NAME = "wire";
export const VERSION = "1.0.0";

/** A failure of the upstream is reported as one, and is not ours. */
const UPSTREAM_ERROR = /^Upstream(?:Malformed|Refused|Unavailable)$/;

/** The real server over the memory backend, with one package, for one case. */
export async function withServer(
  work: (server: FuzzedServer) => Promise<void>,
  { upstream, empty = false }: { readonly upstream?: Upstream; readonly empty?: boolean } = {},
): Promise<void> {
  const settings = readSettings(
    ["--port", "0", "--registration", "open", "--max-tarball-mb", "8", "--log-level", "debug"],
    {},
  );
  assert.ok(settings !== "help");
  const lines: string[] = [];
  const log = pino({ level: "debug", base: null }, { write: (line) => void lines.push(line) });
  const backend = createMemoryBackend({ clock: systemClock, registration: "open", reserved: ["admin"] });
  const server = await startServer({
    settings,
    log,
    clock: systemClock,
    ids: systemIds,
    open: async () => backend,
    ...(upstream ? { upstream: () => upstream } : {}),
  });
  const port = Number(new URL(server.url).port);
  const token = server.token?.token ?? "";
  const checkLog = () => {
    for (const line of lines.splice(0)) checkLine(line, upstream !== undefined);
  };
  const send = async (request: RawRequest) => {
    const answer = await sendRaw(port, request);
    checkLog();
    if (answer) checkAnswer(request.method, answer, upstream !== undefined);
    return answer;
  };
  const json = async (method: string, path: string, body?: unknown) => {
    const answer = await send(jsonRequest(token, method, path, body));
    assert.ok(answer);
    return answer;
  };
  try {
    if (!empty) assert.equal((await json("PUT", `/${NAME}`, publishBody())).status, 201);
    await work({ backend, port, token, send, json, checkLog });
    checkLog();
  } finally {
    await server.stop();
  }
}

function jsonRequest(token: string, method: string, path: string, body?: unknown): RawRequest {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return { method, path, headers: standardHeaders(token, bytes), body: bytes };
}

export function standardHeaders(token: string, body: Uint8Array | undefined): readonly (readonly [string, string])[] {
  const authorization = [["authorization", `Bearer ${token}`]] as const;
  const host = [["host", "localhost"]] as const;
  if (!body) return [...host, ...authorization];
  return [...host, ...authorization, ["content-type", "application/json"], ["content-length", String(body.byteLength)]];
}

/** What npm sends to publish. */
export function publishBody(name = NAME, version = VERSION, manifest: object = {}) {
  const { bytes, integrity, shasum } = makeTarball({ name, version, manifest: { ...manifest } });
  return {
    _id: name,
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { name, version, ...manifest, dist: { integrity, shasum } } },
    _attachments: {
      [`${name}-${version}.tgz`]: {
        content_type: "application/octet-stream",
        data: bytes.toString("base64"),
        length: bytes.length,
      },
    },
  };
}

/** No fault of ours, and a refusal that a person can read on a terminal. 502 is somebody else's fault only where there is somebody else. */
function checkAnswer(method: string, { status, headers, body }: RawAnswer, hasUpstream: boolean): void {
  const text = body.toString("utf8");
  const theirs = hasUpstream ? /the upstream registry/ : /this registry has no upstream/;
  const isTheirs = status === 502 && (method === "HEAD" || theirs.test(text));
  assert.ok(status >= 200 && (status < 500 || isTheirs), `${status}: ${text.slice(0, 300)}`);
  for (const [name, value] of headers)
    assert.doesNotMatch(`${name}${value}`, CONTROLS, "a control character in a header");
  if (status < 400 || method === "HEAD") return;
  // Node's own answer to what is not HTTP, and a range that is not there, have no body.
  if ((status === 400 || status === 431 || status === 416 || status === 417) && body.length === 0) return;
  const refusal = JSON.parse(text) as Record<string, unknown>;
  assert.equal(refusal["ok"], false);
  assert.equal(typeof refusal["code"], "string");
  assert.doesNotMatch(String(refusal["error"]), CONTROLS, "a control character in a message");
  assert.ok(String(refusal["error"]).length < 3_000, "a message repeats what was sent, whatever its length");
}

function checkLine(line: string, hasUpstream: boolean): void {
  const { level, err, msg } = JSON.parse(line) as { level: number; err?: { type: string; stack: string }; msg: string };
  const isTheirs = hasUpstream && err !== undefined && UPSTREAM_ERROR.test(err.type);
  assert.ok(level < 50 || isTheirs, `the log has an error: ${msg}: ${err?.stack ?? ""}`);
  assert.doesNotMatch(line, /cbx_[A-Za-z0-9]{8}/, "a token is in the log");
  assert.doesNotMatch(line.trimEnd(), CONTROLS, "a control character is in the log");
}

// oxlint-disable-next-line no-control-regex -- a terminal obeys them
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
