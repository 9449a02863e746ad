import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { at, expectStatus, header, readAnswer, stringAt, type Answer } from "./answer.ts";
import { skip } from "./skip.ts";
import { publishDocument, type PublishOptions } from "./document.ts";

/** What the suite runs on. */
export type Target = {
  /** The registry's URL. */
  readonly url: string;
  /** A token that may publish in `scope`. */
  readonly token: string;
  /** The scope of every package that the suite publishes. Default: `@conformance`. */
  readonly scope?: string | undefined;
  /** Part of every name of the run. Default: a random one. */
  readonly seed?: string | undefined;
  /** A read-only token. Default: the suite makes one, where the registry lets it sign in. */
  readonly readonlyToken?: string | undefined;
  /** A token of another user who may write. Default: the suite makes one, where the registry lets it sign in. */
  readonly otherToken?: string | undefined;
  /** A package that the registry's upstream has and the registry does not. */
  readonly upstreamPackage?: string | undefined;
};

type SendOptions = {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the target's token; `null` sends none. */
  readonly token?: string | null;
};

type Account = { readonly name: string; readonly password: string; readonly token: string };

/** The registry under test, with the requests that many checks make. */
export type Registry = {
  readonly target: Target;
  readonly url: string;
  readonly seed: string;
  /** A name of a package that no other check uses. */
  name(label: string): string;
  /** A word that is used once in the run. */
  word(label: string): string;
  /** Sends a request. An object, an array or a string as `body` is sent as JSON; bytes are sent as they are. Redirects are not followed. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  get(path: string, options?: SendOptions): Promise<Answer>;
  publish(name: string, version: string, options?: PublishOptions & SendOptions): Promise<Answer>;
  /** A new package with these versions; the last one is `latest`. */
  package(label: string, ...versions: readonly string[]): Promise<string>;
  /** The full packument of a package that must exist. */
  packument(name: string): Promise<unknown>;
  /** Asks the status URL of a 202 until the change is no longer pending, with the pauses that the registry names. */
  settled(accepted: Answer): Promise<unknown>;
  /** The name of the token's user. */
  user(): Promise<string>;
  /** A new account, or skips where the registry makes none. */
  account(): Promise<Account>;
  /** A read-only token, or skips where there is none. */
  readToken(): Promise<string>;
  /** A token of another user, or skips where there is none. */
  secondToken(): Promise<string>;
};

const NO_ACCOUNTS = "this registry makes no accounts by signing in";

/** How often a status URL is asked before a change counts as stuck. */
const STATUS_ASKED_MAX = 60;

/** @example createRegistry({ url: "http://127.0.0.1:4870", token }) */
export function createRegistry(target: Target): Registry {
  const url = target.url.replace(/\/+$/, "");
  const seed = target.seed ?? randomBytes(4).toString("hex");
  let count = 0;
  // Asked once: each refused sign-in counts as a wrong password.
  let closed = false;
  const word = (label: string) => `${label}-${seed}-${++count}`;
  const send: Registry["send"] = async (method, path, options = {}) => {
    const token = options.token === undefined ? target.token : options.token;
    const { body } = options;
    const response = await fetch(path.startsWith("http") ? path : `${url}${path}`, {
      method,
      redirect: "manual",
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    return readAnswer(`${method} ${path}`, response);
  };
  const registry: Registry = {
    target,
    url,
    seed,
    word,
    send,
    name: (label) => `${target.scope ?? "@conformance"}/${word(label)}`,
    get: (path, options) => send("GET", path, options),
    publish: (name, version, options = {}) =>
      send("PUT", pathOf(name), {
        ...options,
        body: publishDocument(name, version, options),
        // A refusal may come before the body was read; the connection is of no use then.
        headers: { connection: "close", ...options.headers },
      }),
    async package(label, ...versions) {
      const name = registry.name(label);
      for (const version of versions) expectStatus(await registry.publish(name, version), 200, 201);
      return name;
    },
    packument: async (name) => expectStatus(await registry.get(pathOf(name)), 200).json,
    async settled(accepted) {
      const status = header(expectStatus(accepted, 202), "location");
      for (let asked = 0; asked < STATUS_ASKED_MAX; asked++) {
        const answer = expectStatus(await registry.get(status), 200);
        if (at(answer.json, "state") !== "pending") return answer.json;
        await sleep(Number(answer.headers.get("retry-after") ?? 1) * 1000);
      }
      throw new Error(`${status} is still pending after it was asked ${STATUS_ASKED_MAX} times`);
    },
    user: async () => stringAt(expectStatus(await registry.get("/-/whoami"), 200).json, "username"),
    async account() {
      if (closed) skip(NO_ACCOUNTS);
      const made = await makeAccount(registry);
      closed = made === undefined;
      return made ?? skip(NO_ACCOUNTS);
    },
    readToken: async () => target.readonlyToken ?? (await makeReadToken(registry)),
    secondToken: async () => target.otherToken ?? (await registry.account()).token,
  };
  return registry;
}

async function makeAccount(registry: Registry): Promise<Account | undefined> {
  const name = registry.word("user");
  const password = registry.word("a long password");
  const answer = await registry.send("PUT", userPath(name), { token: null, body: { name, password } });
  if (answer.status === 401 || answer.status === 403) return undefined;
  return { name, password, token: stringAt(expectStatus(answer, 201).json, "token") };
}

async function makeReadToken(registry: Registry): Promise<string> {
  const { token, password } = await registry.account();
  return makeToken(registry, token, { password, readonly: true });
}

/** Makes a token with `POST /-/npm/v1/tokens`. */
export async function makeToken(registry: Registry, token: string, body: object): Promise<string> {
  const made = await registry.send("POST", "/-/npm/v1/tokens", { token, body });
  return stringAt(expectStatus(made, 200, 201).json, "token");
}

/** @example pathOf("@acme/wire") // "/@acme%2fwire" */
export function pathOf(name: string): string {
  return `/${name.replace("/", "%2f")}`;
}

/** @example tagPath("wire", "next") // "/-/package/wire/dist-tags/next" */
export function tagPath(name: string, tag?: string): string {
  return `/-/package${pathOf(name)}/dist-tags${tag === undefined ? "" : `/${tag}`}`;
}

/** @example filePath("@acme/wire", "1.0.0") // "/@acme/wire/-/wire-1.0.0.tgz" */
export function filePath(name: string, version: string): string {
  return `/${name}/-/${name.split("/").at(-1)}-${version}.tgz`;
}

export function userPath(name: string): string {
  return `/-/user/org.couchdb.user:${encodeURIComponent(name)}`;
}

/** A token of another user, who owns the package too. */
export async function secondOwner(registry: Registry, name: string): Promise<string> {
  const token = await registry.secondToken();
  const { json } = expectStatus(await registry.get("/-/whoami", { token }), 200);
  const user = stringAt(json, "username");
  expectStatus(await registry.send("PUT", `/-/package${pathOf(name)}/owners`, { body: { user } }), 200, 201);
  return token;
}
