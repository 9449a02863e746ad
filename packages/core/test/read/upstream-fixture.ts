import {
  copiesIn,
  createUpstreamCache,
  LAYOUT,
  UpstreamRefused,
  UpstreamUnavailable,
  type CachedPackument,
  type Upstream,
  type UpstreamFound,
} from "../../src/index.ts";
import { createMemoryBackend, makeTarball, manualClock } from "@codebox/testing";

export const TGZ = makeTarball({ name: "left", version: "1.0.0" });
export const URL_OF_TGZ = "http://up.example/left/-/left-1.0.0.tgz";

type Answers = {
  down: boolean;
  version: number;
  versions: Record<string, object>;
  bytes: Buffer;
  /** Whether the upstream states the tarball's size. */
  sized?: boolean;
  /** Bytes of each piece of a tarball. Default: 50. */
  pieceBytes?: number;
  /** What each piece of a tarball waits for. */
  pause?: Promise<void>;
  refused?: string;
  /** Whether a question about a packument is never answered. */
  silent?: boolean;
  body?: string;
  found?: UpstreamFound;
  keys?: object;
};
export type UpstreamFixture = ReturnType<typeof upstreamFixture>;

/** A cache over an upstream that has `left@1.0.0`. `answers` changes what the upstream does, `asked` is what it was asked. */
export function upstreamFixture() {
  const clock = manualClock();
  const backend = createMemoryBackend({ clock });
  const asked: string[] = [];
  const unchecked: string[] = [];
  const manifest = { name: "left", version: "1.0.0", scripts: { install: "x" }, readme: "long" };
  const dist = { tarball: URL_OF_TGZ, integrity: TGZ.integrity };
  const first: Answers = { down: false, version: 1, versions: { "1.0.0": { ...manifest, dist } }, bytes: TGZ.bytes };
  const fixture = { clock, backend, asked, unchecked, answers: first };
  const upstream = upstreamOf(fixture);
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push(error);
  const copies = copiesIn(backend.store);
  const cache = createUpstreamCache(
    {
      store: backend.store,
      reader: backend.reader,
      copies,
      upstream,
      clock,
      onFailure,
      onUnchecked: (name, file) => unchecked.push(`${name} ${file}`),
    },
    { scopes: ["@acme"], names: ["ours"] },
  );
  return Object.assign(fixture, {
    upstream,
    cache,
    copies,
    failures,
    shown: async () => documentOf(await cache.packument("left", "full")),
    /** The keys of the tarballs that are kept. */
    tarballs: async () =>
      (await backend.store.list(LAYOUT.upstream.prefix)).objects
        .map(({ key }) => key)
        .filter((key) => key.endsWith(".tgz")),
  });
}

function upstreamOf(fixture: { readonly asked: string[]; answers: Answers }): Upstream {
  const { asked } = fixture;
  return {
    async packument({ name, form, ifNoneMatch }) {
      const { answers } = fixture;
      asked.push(`${name} ${form}${ifNoneMatch ? ` if-none-match ${ifNoneMatch}` : ""}`);
      if (answers.down) throw new UpstreamUnavailable("down");
      if (answers.silent) await new Promise(() => {});
      if (answers.refused === name) throw new UpstreamRefused("it answered 403");
      if (answers.body !== undefined) return { kind: "found", form, bytes: Buffer.from(answers.body) };
      if (name.toLowerCase() !== "left") return { kind: "absent" };
      const etag = `"v${answers.version}"`;
      if (ifNoneMatch === etag) return { kind: "not_modified" };
      const document = { name, version: answers.version, versions: answers.versions };
      return { kind: "found", form, etag, bytes: Buffer.from(JSON.stringify(document)) };
    },
    async tarball(url, signal) {
      asked.push(url);
      const { bytes, sized = true, pause, pieceBytes = 50 } = fixture.answers;
      const pieces = async function* () {
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          await pause;
          signal?.throwIfAborted();
          yield bytes.subarray(at, at + pieceBytes);
        }
      };
      return { ...(sized ? { size: bytes.length } : {}), body: pieces() };
    },
    async advisories(packages) {
      asked.push(`audit ${Object.keys(packages).join(" ")}`);
      return { left: [] };
    },
    async search({ text, from, size }, signal) {
      asked.push(`search ${text} ${from} ${size}`);
      const { answers } = fixture;
      if (answers.down) throw new UpstreamUnavailable("down");
      await answers.pause;
      signal?.throwIfAborted();
      return answers.found;
    },
    async keys() {
      asked.push("keys");
      if (fixture.answers.down) throw new UpstreamUnavailable("down");
      return fixture.answers.keys;
    },
    async attestations(name, version) {
      asked.push(`attestations ${name}@${version}`);
      if (fixture.answers.down) throw new UpstreamUnavailable("down");
      return name === "left" ? { attestations: [] } : undefined;
    },
  };
}

/** A cached packument as a client at this registry reads it. */
export function documentOf(cached: CachedPackument | undefined): Record<string, Record<string, unknown>> | undefined {
  if (!cached) return undefined;
  const text = Buffer.from(cached.text("http://here.example")).toString("utf8");
  return JSON.parse(text) as Record<string, Record<string, unknown>>;
}

/** All bytes of a body. */
export async function collect(body: Uint8Array | AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.concat(await Array.fromAsync(body ?? []));
}
