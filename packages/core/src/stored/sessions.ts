import { jsonIn } from "../domain/json.ts";
import * as z from "zod";
import { hashToken } from "../access/tokens.ts";
import { sessionKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { LoginState } from "../ports/login-flow.ts";
import { StoreUnavailable, type ObjectStore, type StoredObject } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

/** How long a person may take to sign in, in milliseconds. */
export const SESSION_MS = 10 * 60 * 1000;

const StoredSession = z.object({
  /** When it ends, in milliseconds since 1970. */
  expires: z.number(),
  result: z
    .discriminatedUnion("state", [
      z.object({ state: z.literal("pending") }),
      z.object({ state: z.literal("identity"), name: z.string() }),
      z.object({ state: z.literal("failed"), reason: z.enum(["expired", "refused"]) }),
    ])
    .readonly(),
});

/** Logins that were begun and are not completed. */
export type Sessions = {
  /** Begins a session and returns its secret, which is kept nowhere. */
  begin(): Promise<string>;
  /** Stores how the login ended. `false` when the session is unknown, expired or already settled. */
  settle(secret: string, result: Exclude<LoginState, { state: "pending" }>): Promise<boolean>;
  /** The state of the session. A result is returned once, and the session is then gone. */
  complete(secret: string): Promise<LoginState>;
};

const EXPIRED: LoginState = { state: "failed", reason: "expired" };

/**
 * Login sessions over an object store, under the hash of their secret.
 *
 * @example
 * const secret = await sessions.begin();
 * await sessions.settle(secret, { state: "identity", name: "alice" });
 * await sessions.complete(secret); // { state: "identity", name: "alice" }, once
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
  return {
    async begin() {
      const secret = ids.secret();
      const session = { expires: clock.now().getTime() + SESSION_MS, result: { state: "pending" as const } };
      const options = { condition: { ifNoneMatch: "*" as const }, contentType: "application/json" };
      const written = await store.put(sessionKey(hashToken(secret)), encode(session), options);
      if (!written.ok) throw new StoreUnavailable("the login session could not be stored");
      return secret;
    },
    async settle(secret, result) {
      const key = sessionKey(hashToken(secret));
      const updated = await updateObject({ store, clock }, key, {
        read: () => readObject(store, key),
        mutate(found) {
          const session = sessionIn(found);
          return session?.result.state === "pending"
            ? { result: true, bytes: encode({ ...session, result }) }
            : { result: false };
        },
      });
      if (!updated.ok) throw new StoreUnavailable("the login session is being written by others");
      return updated.result;
    },
    async complete(secret) {
      const key = sessionKey(hashToken(secret));
      const found = await readObject(store, key);
      const session = sessionIn(found);
      if (!found || !session) return EXPIRED;
      if (session.result.state === "pending") return { state: "pending" };
      // Of two who complete it at a time, one deletes it and gets the result.
      const deleted = await store.delete(key, { ifMatch: found.etag });
      return deleted.ok ? session.result : EXPIRED;
    },
  };
}

function encode(session: z.infer<typeof StoredSession>): Uint8Array {
  return Buffer.from(JSON.stringify(session));
}
