import {
  createCatalog,
  createConsumer,
  createIndexer,
  createLivePolicy,
  createRelease,
  createRightsStore,
  createAudit,
  createAuditLog,
  createSecondFactors,
  createSubmit,
  createTokenUses,
  issueToken,
  LAYOUT,
  type Clock,
  type Policy,
  type PolicySettings,
  type UpstreamCache,
  type WorkloadVerifier,
} from "@codebox/core";
import { createWorker } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import {
  createMemoryBackend,
  type MemoryBackend,
  createFaults,
  digested,
  fail,
  faultyQueue,
  makeTarball,
  type MadeTarball,
} from "@codebox/testing";
import {
  createApp,
  createPasswords,
  registryRoutes,
  type ApiPorts,
  type ApiSettings,
  type RightsPorts,
} from "../src/index.ts";

export type Harness = Awaited<ReturnType<typeof startApp>>;

type Options = {
  settings?: Partial<ApiSettings & PolicySettings>;
  upstream?: UpstreamCache;
  paused?: boolean;
  queueDown?: boolean;
  /** The client's address. */
  address?: string;
  /** What the HTTP surface has for a clock. Default: the machine's. */
  clock?: Clock;
  /** A package that nobody may read or change. */
  unreadable?: string;
  /** Who CI jobs are. Default: no ID token is valid. */
  verifier?: WorkloadVerifier;
};

/** The complete registry without a socket: app, consumer and an embedded store in memory. */
export async function startApp(options: Options = {}) {
  const embedded = createMemoryBackend({ clock: systemClock, registration: "open" });
  const { anonymousRead = true, admins = [], rights, ...settings } = options.settings ?? {};
  const policySettings = { anonymousRead, admins };
  const rightsStore = createRightsStore(
    { store: embedded.store, clock: systemClock },
    { maxAgeMs: Number.POSITIVE_INFINITY },
  );
  if (rights) await rightsStore.edit("test", () => ({ ok: true, spec: rights, what: "for the test", decided: true }));
  const policy = except(createLivePolicy(policySettings, rightsStore), options.unreadable);
  const consumer = createConsumer({ ...embedded, policy, clock: systemClock });
  const worker = createWorker({ queue: embedded.queue, consumer, concurrency: 4, onFailure: () => {} });
  if (!options.paused) worker.start();
  const logged: unknown[] = [];
  const failures: unknown[] = [];
  const indexing = startIndexer(embedded, failures);
  const ports: ApiPorts = {
    ...portsOf(embedded, policy, options),
    rights: rightsStore,
    searchIndex: indexing.fresh,
    policySettings,
    ...(options.address === undefined ? {} : { addressOf: () => options.address }),
    onRequest: (entry) => logged.push(entry),
    onFailure: (error) => failures.push(error),
    onTokenUse: createTokenUses({
      tokens: embedded.tokens,
      clock: systemClock,
      onFailure: (error) => failures.push(error),
    }),
  };
  const chosen = { waitMs: 5_000, tarballBytesMax: 1024 * 1024, ...settings };
  const app = createApp(ports, chosen, registryRoutes(ports, chosen));
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
    ports,
    settings: chosen,
    logged,
    /** What the app reported as failures of its own. */
    failures,
    /** Builds the search index again. */
    reindex: indexing.rebuild,
    token,
    alice,
    request,
    send,
    /** All keys of packages and staged tarballs, to see that nothing was written. */
    keys: async () => (await embedded.store.list("")).objects.map(({ key }) => key).filter(isPackageData),
    publish: (name: string, version: string, tag = "latest", headers: Record<string, string> = {}) =>
      send("PUT", `/${name.replace("/", "%2f")}`, publishBody(name, version, { tag }), headers),
    start: () => worker.start(),
    async [Symbol.asyncDispose]() {
      await indexing.stop();
      await worker.drain();
      await embedded.close();
    },
  };
}

function startIndexer(embedded: MemoryBackend, failures: unknown[]) {
  const { searchIndex: index, eventReader: events } = embedded;
  const stopping = new AbortController();
  const onFailure = (error: unknown) => void failures.push(error);
  const indexer = createIndexer({ ...embedded, index, events, clock: systemClock, onFailure });
  const running = indexer.run(stopping.signal);
  return {
    ...indexer,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function isPackageData(key: string): boolean {
  const others = [
    LAYOUT.tokens,
    LAYOUT.uses,
    LAYOUT.access,
    LAYOUT.outcomes,
    LAYOUT.unanswered,
    LAYOUT.releases,
    LAYOUT.audit,
  ];
  return !others.some(({ prefix }) => key.startsWith(prefix));
}

function except(policy: Policy, unreadable: string | undefined): Policy {
  if (unreadable === undefined) return policy;
  const refusal = { allowed: false, rule: "private", code: "forbidden", reason: `${unreadable} is private` } as const;
  return {
    ...policy,
    may: (principal, action, target) => (target?.name === unreadable ? refusal : policy.may(principal, action, target)),
  };
}

const NO_JOBS: WorkloadVerifier = { verify: async () => ({ ok: false, problem: "it is none" }) };

function portsOf(
  embedded: MemoryBackend,
  policy: Policy,
  { upstream, queueDown, clock, verifier = NO_JOBS }: Options,
): Omit<ApiPorts, keyof RightsPorts> & Pick<RightsPorts, "reader" | "policy" | "factors"> {
  const queue = queueDown ? faultyQueue(embedded.queue, createFaults({ seed: 1, rate: 1 })) : embedded.queue;
  const parts = { ...embedded, policy, clock: clock ?? systemClock, ids: systemIds };
  return {
    ...parts,
    passwords: createPasswords({ identities: embedded.identities, clock: systemClock }),
    audit: createAudit({ log: createAuditLog(parts), clock: parts.clock, onFailure: fail }),
    factors: createSecondFactors(parts),
    catalog: createCatalog({ reader: embedded.reader, policy, upstream }),
    submit: createSubmit({ ...parts, queue }),
    release: createRelease({ ...parts, queue }),
    verifier,
    ...(upstream ? { upstream } : {}),
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
  const { bytes, integrity, shasum } = wrong.tarball ?? makeTarball({ name, version, manifest: { ...wrong.manifest } });
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
