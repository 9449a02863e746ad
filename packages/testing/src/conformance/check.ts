import { randomBytes } from "node:crypto";
import { makeTarball, type MadeTarball } from "../tarballs.ts";

/** One check of the contract. `ids` are the rules of PROTOCOL.md that it covers. */
export type Check = {
  readonly ids: readonly string[];
  readonly title: string;
  readonly run: (registry: RegistryUnderTest) => Promise<void>;
};

/** Declares a check. @example check(["TAG-1"], "the tags are read with an ETag", async (registry) => { … }) */
export function check(ids: readonly string[], title: string, run: Check["run"]): Check {
  return { ids, title, run };
}

/** Thrown by a check that this registry gives no occasion for. The reason is printed. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** What the suite must be given of a registry, and what it may be given. */
export type ConformanceOptions = {
  /** Where the registry is: `http://127.0.0.1:4870`. */
  readonly url: string;
  /** A token that may publish in the scope. */
  readonly token: string;
  /** The scope of the packages that are published. Default: `@conformance`. */
  readonly scope?: string;
  /** Makes the packages' names; a new one in every run by default. */
  readonly seed?: string;
  readonly readonlyToken?: string;
  /** A token of another user who may publish. */
  readonly otherToken?: string;
  /** A package that only the registry's upstream has. */
  readonly upstreamPackage?: string;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. Throws when it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- an answer from outside; each check asserts what it reads
  readonly json: () => any;
};

export type PublishOptions = {
  readonly version?: string;
  readonly tag?: string;
  readonly tarball?: MadeTarball;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly dist?: Readonly<Record<string, unknown>>;
  readonly attachment?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The registry that is checked, with what checks often do. */
export type RegistryUnderTest = ReturnType<typeof registryUnderTest>;

/** Prepares the access to a registry. Every check gets names of its own. */
export function registryUnderTest(options: ConformanceOptions) {
  const { url, token, scope = "@conformance", seed = randomBytes(4).toString("hex") } = options;
  let names = 0;
  const request = async (
    path: string,
    init: RequestInit & { readonly as?: string | undefined } = {},
  ): Promise<Answer> => {
    const { as = token, headers, ...rest } = init;
    const sent = new Headers(headers as Record<string, string>);
    if (as !== "" && !sent.has("authorization")) sent.set("authorization", `Bearer ${as}`);
    const response = await fetch(new URL(path, url), { redirect: "manual", ...rest, headers: sent });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as unknown };
  };
  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
    as?: string,
  ) =>
    request(path, {
      method,
      as,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const publish = (name: string, more: PublishOptions = {}) =>
    send("PUT", pathOf(name), publishDocument(name, more), more.headers);
  return {
    ...options,
    seed,
    request,
    send,
    publish,
    /** A name that no other check has, in the scope. */
    name: (label: string) => `${scope}/${label}-${seed}-${++names}`,
    /** A package of this label with these versions, the last one as `latest`. */
    async published(label: string, versions: readonly string[] = ["1.0.0"]): Promise<string> {
      const name = `${scope}/${label}-${seed}-${++names}`;
      for (const version of versions) expectStatus(await publish(name, { version }), 200, 201);
      return name;
    },
    packument: async (name: string) => (await request(pathOf(name))).json(),
    tags: async (name: string) => (await request(tagsPath(name))).json() as Record<string, string>,
  };
}

/** A publish document as npm sends it. */
export function publishDocument(name: string, more: PublishOptions = {}): Record<string, unknown> {
  const { version = "1.0.0", tag = "latest", manifest = {}, dist = {}, attachment = {} } = more;
  const { bytes, integrity, shasum } = more.tarball ?? makeTarball({ name, version, manifest });
  return {
    _id: name,
    name,
    "dist-tags": { [tag]: version },
    versions: { [version]: { name, version, ...manifest, dist: { integrity, shasum, ...dist } } },
    _attachments: {
      [`${name}-${version}.tgz`]: {
        content_type: "application/octet-stream",
        data: bytes.toString("base64"),
        length: bytes.length,
        ...attachment,
      },
    },
  };
}

export const pathOf = (name: string) => `/${name.replace("/", "%2f")}`;
export const tagsPath = (name: string, tag?: string) =>
  `/-/package/${encodeURIComponent(name)}/dist-tags${tag === undefined ? "" : `/${encodeURIComponent(tag)}`}`;

/** Fails when the status is none of these. */
export function expectStatus({ status, text }: Answer, ...expected: readonly number[]): void {
  if (!expected.includes(status))
    throw new Error(`the status is ${status}, not ${expected.join(" or ")}: ${text.slice(0, 300)}`);
}

/** Asks until `look` returns something. For what the contract allows to take a moment. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what} did not come within 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
