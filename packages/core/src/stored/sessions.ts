import { sha256Hex } from "../domain/digest.ts";
import { jsonIn } from "../domain/json.ts";
import * as z from "zod";
import { boxOf } from "../access/sealed.ts";
import { hashToken } from "../access/tokens.ts";
import { sessionKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import { PROVIDER_IDS, type ProviderId } from "../ports/sign-in.ts";
import { StoreUnavailable, type ObjectStore, type StoredObject } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

/** How long a person may take to sign in, in milliseconds. */
export const SESSION_MS = 10 * 60 * 1000;

/** What was found out about a person at a provider. `sealed`: the provider's token, for the session's secret. */
const Found = z.object({
  provider: z.enum(PROVIDER_IDS),
  subject: z.string(),
  groups: z.array(z.string()).readonly(),
  sealed: z.string().exactOptional(),
});
const Result = z
  .discriminatedUnion("state", [
    z.object({ state: z.literal("pending") }),
    z.object({ state: z.literal("identity"), name: z.string(), found: Found.exactOptional() }),
    z.object({ state: z.literal("failed"), reason: z.enum(["expired", "refused"]) }),
  ])
  .readonly();
/** A sign-in under way at a provider. `state` and `browser` are hashes. */
const Attempt = z.object({
  provider: z.enum(PROVIDER_IDS),
  state: z.string(),
  browser: z.string(),
  nonce: z.string(),
  verifier: z.string(),
});
const StoredSession = z.object({
  kind: z.enum(["login", "confirm"]),
  /** When it ends, in milliseconds since 1970. */
  expires: z.number(),
  about: z.record(z.string(), z.string()),
  box: z.string(),
  attempt: Attempt.exactOptional(),
  result: Result,
});
type StoredSession = z.infer<typeof StoredSession>;

/** `login`: ends with a token. `confirm`: a person confirms a change, and gets no token by it. */
export type SessionKind = StoredSession["kind"];
/**
 * How a session stands.
 *
 * - `expired`: unknown, completed before, or too old. `refused`: the provider or the person said no.
 */
export type SessionResult = z.infer<typeof Result>;
/** Who signed in at a provider. */
export type FoundAccount = z.infer<typeof Found>;
/** `id` names the session in a browser; `secret` is for the client that began it, and stored nowhere. */
export type BegunSession = { readonly id: string; readonly secret: string };
export type OpenSession = Pick<StoredSession, "about" | "box">;

/** Sessions in which a person proves in a browser who is at a terminal. */
export type Sessions = {
  /** Begins a session. @param about what its page shows. */
  begin(kind: SessionKind, about: Readonly<Record<string, string>>): Promise<BegunSession>;
  /** The session, while nothing is decided; `undefined` afterwards, and for one that is unknown or too old. */
  find(kind: SessionKind, id: string): Promise<OpenSession | undefined>;
  /** Stores that the person goes to a provider. It replaces an earlier one. `false`: the session is not open. */
  attempt(id: string, attempt: NewAttempt): Promise<boolean>;
  /** Takes the attempt of this state, browser and provider out of the session. `undefined`: there is none. */
  return(id: string, returned: Returned): Promise<Pick<NewAttempt, "nonce" | "verifier"> | undefined>;
  /** Stores how the session ended. `false`: it is not open. */
  settle(id: string, result: Exclude<SessionResult, { state: "pending" }>): Promise<boolean>;
  /** How the session stands. A result is returned once, and the session is then gone. */
  complete(kind: SessionKind, secret: string): Promise<SessionResult>;
};
/** `browser`: the hash of the browser's secret. */
export type NewAttempt = {
  readonly provider: ProviderId;
  readonly state: string;
  readonly browser: string;
  readonly nonce: string;
  readonly verifier: string;
};
export type Returned = Pick<NewAttempt, "provider" | "state" | "browser">;

const EXPIRED: SessionResult = { state: "failed", reason: "expired" };
/** What `hashToken` makes. Anything else is no id. */
const ID = /^[0-9a-f]{64}$/;

/**
 * Sessions over an object store. The id of a session is the hash of its secret.
 *
 * @example
 * const { id, secret } = await sessions.begin("login", { agent: "npm/11" });
 * await sessions.settle(id, { state: "identity", name: "alice" });
 * await sessions.complete("login", secret); // { state: "identity", name: "alice" }, once
 */
export function createSessions({
  store,
  clock,
  ids,
}: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "secret">;
}): Sessions {
  /** The session in an object; `undefined` once its lifetime is over. */
  const sessionIn = (found: StoredObject | undefined) => {
    const session = found && StoredSession.parse(jsonIn(found.bytes));
    return session && session.expires > clock.now().getTime() ? session : undefined;
  };
  /** Changes a session that is open. `change` returns what is stored; `undefined`: nothing. */
  const update = async (id: string, change: (session: StoredSession) => StoredSession | undefined) => {
    if (!ID.test(id)) return undefined;
    const key = sessionKey(id);
    const updated = await updateObject({ store, clock }, key, {
      read: () => readObject(store, key),
      mutate(found): { result: StoredSession | undefined; bytes?: Uint8Array } {
        const session = sessionIn(found);
        const changed = session?.result.state === "pending" ? change(session) : undefined;
        return changed ? { result: session, bytes: encode(changed) } : { result: undefined };
      },
    });
    if (!updated.ok) throw new StoreUnavailable("the login session is being written by others");
    return updated.result;
  };
  return {
    async begin(kind, about) {
      const secret = ids.secret();
      const id = hashToken(secret);
      const expires = clock.now().getTime() + SESSION_MS;
      const session: StoredSession = { kind, expires, about, box: boxOf(secret), result: { state: "pending" } };
      const options = { condition: { ifNoneMatch: "*" as const }, contentType: "application/json" };
      const written = await store.put(sessionKey(id), encode(session), options);
      if (!written.ok) throw new StoreUnavailable("the login session could not be stored");
      return { id, secret };
    },
    async find(kind, id) {
      const session = ID.test(id) ? sessionIn(await readObject(store, sessionKey(id))) : undefined;
      return session?.kind === kind && session.result.state === "pending" ? session : undefined;
    },
    async attempt(id, { state, ...attempt }) {
      const stored = { ...attempt, state: sha256Hex(state) };
      return (await update(id, (session) => ({ ...session, attempt: stored }))) !== undefined;
    },
    async return(id, { provider, state, browser }) {
      const session = await update(id, ({ attempt, ...rest }) => {
        const isTheirs = attempt?.provider === provider && attempt.browser === browser;
        return isTheirs && attempt.state === sha256Hex(state) ? rest : undefined;
      });
      return session?.attempt;
    },
    settle: async (id, result) =>
      (await update(id, ({ attempt: _attempt, ...session }) => ({ ...session, result }))) !== undefined,
    async complete(kind, secret) {
      const key = sessionKey(hashToken(secret));
      const found = await readObject(store, key);
      const session = sessionIn(found);
      if (!found || session?.kind !== kind) return EXPIRED;
      if (session.result.state === "pending") return { state: "pending" };
      // Of two who complete it at a time, one deletes it and gets the result.
      const deleted = await store.delete(key, { ifMatch: found.etag });
      return deleted.ok ? session.result : EXPIRED;
    },
  };
}

function encode(session: StoredSession): Uint8Array {
  return Buffer.from(JSON.stringify(session));
}
