import { fail } from "@codebox/testing";
import { createConsumer, createPackumentReader, createSubmit, issueToken, type UpstreamCache } from "@codebox/core";
import { createWorker } from "@codebox/core";
import { openSqlite } from "@codebox/sqlite";
import { systemClock, systemIds } from "@codebox/system";
import { createFaults, digested, faultyQueue, makeTarball, type MadeTarball } from "@codebox/testing";
import { createApp, type ApiSettings } from "../src/index.ts";

export type Harness = Awaited<ReturnType<typeof startApp>>;

/** The whole registry without a socket: app, consumer and an embedded store in memory. */
export async function startApp(
  options: { settings?: Partial<ApiSettings>; upstream?: UpstreamCache; paused?: boolean; queueDown?: boolean } = {},
) {
  const embedded = await openSqlite({
    directory: ":memory:",
    onFailure: fail,
    clock: systemClock,
    registration: "open",
  });
  const reader = createPackumentReader(embedded.store);
  const consumer = createConsumer({ ...embedded, reader, clock: systemClock });
  const worker = createWorker({ queue: embedded.queue, consumer, concurrency: 4, onFailure: () => {} });
  if (!options.paused) worker.start();
  const queue = options.queueDown ? faultyQueue(embedded.queue, createFaults({ seed: 1, rate: 1 })) : embedded.queue;
  const submit = createSubmit({ reader, queue, outcomes: embedded.outcomes, clock: systemClock, ids: systemIds });
  const logged: unknown[] = [];
  const failures: unknown[] = [];
  const app = createApp(
    {
      ...embedded,
      reader,
      submit,
      clock: systemClock,
      ids: systemIds,
      onRequest: (entry) => logged.push(entry),
      onFailure: (error) => failures.push(error),
      ...(options.upstream ? { upstream: options.upstream } : {}),
    },
    { anonymousRead: true, waitMs: 5_000, tarballBytesMax: 1024 * 1024, ...options.settings },
  );
  const token = (user: string, readonly = false) =>
    issueToken(
      { tokens: embedded.tokens, ids: systemIds },
      { user, readonly, label: "test", created: "2026-01-01T00:00:00.000Z" },
    );
  const alice = await token("alice");
  const request = (path: string, init: RequestInit = {}) =>
    app.request(`http://registry.test${path}`, {
      ...init,
      headers: { authorization: `Bearer ${alice}`, ...(init.headers as Record<string, string>) },
    });
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    request(path, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  return {
    ...embedded,
    app,
    logged,
    /** What the app reported as failures of its own. */
    failures,
    token,
    alice,
    request,
    send,
    /** Everything in the store, to see that nothing was written. */
    keys: async () => (await embedded.store.list("")).objects.map(({ key }) => key),
    publish: (name: string, version: string, tag = "latest") =>
      send("PUT", `/${name.replace("/", "%2f")}`, publishBody(name, version, { tag })),
    start: () => worker.start(),
    async [Symbol.asyncDispose]() {
      await worker.drain();
      await embedded.close();
    },
  };
}

/** A publish as npm sends it. What is given is wrong in the way a test wants. */
export function publishBody(
  name: string,
  version: string,
  wrong: {
    tag?: string;
    tarball?: MadeTarball;
    dist?: object;
    manifest?: object;
    attachment?: object;
    file?: string;
    top?: object;
  } = {},
) {
  const { bytes, integrity, shasum } = wrong.tarball ?? makeTarball({ name, version });
  return {
    _id: name,
    name,
    "dist-tags": { [wrong.tag ?? "latest"]: version },
    versions: { [version]: { name, version, dist: { integrity, shasum, ...wrong.dist }, ...wrong.manifest } },
    _attachments: {
      [wrong.file ?? `${name}-${version}.tgz`]: {
        content_type: "application/octet-stream",
        data: bytes.toString("base64"),
        length: bytes.length,
        ...wrong.attachment,
      },
    },
    ...wrong.top,
  };
}

/** Bytes that are no tarball, with right digests. */
export const notATarball = (bytes: Buffer): MadeTarball => digested(bytes);

export const errorOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: string }).error;
