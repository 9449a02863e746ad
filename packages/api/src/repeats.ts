import { createHash } from "node:crypto";
import {
  own,
  type Packument,
  PUBLISH_RETRIES_MAX,
  PUBLISH_RETRY_MS,
  type PublishKey,
  stateOf,
  type Unanswered,
  type UnansweredPublishes,
  versionExists,
} from "@codebox/core";
import { LRUCache } from "lru-cache";
import ssri from "ssri";
import { ApiError, asApiError, isOurFault } from "./errors.ts";
import type { PublishDocument } from "./publish/publish.ts";

/**
 * The id of a change that the client names with an `Idempotency-Key`; `undefined` without one.
 *
 * @param draft the change, or what the client asked for where the change also depends on the present state
 * A key belongs to one user and one change. With another change it gives another id, so that change is made too.
 * @example keyedChangeId({ headers, user: "alice" }, draft) ?? ids.next()
 */
export function keyedChangeId({ headers, user }: Asker, draft: object): string | undefined {
  const key = headers.get("idempotency-key");
  return key ? `key-${sha256(JSON.stringify([key, user, draft]))}` : undefined;
}

/** Who asks. The headers may have a key that names the request: `Idempotency-Key`, or npm's `npm-session`. */
export type Asker = { readonly headers: Headers; readonly user: string };
/** A publish, as far as it decides whether two are the same one. */
type Publish = { readonly asker: Asker; readonly name: string; readonly document: PublishDocument };

/**
 * Recognises a publish that is sent again.
 *
 * With a key, the change's id follows from the key and the contents, so a repetition is the same change. Without one, a publish whose
 * answer did not arrive, was a 5xx or a 202 is remembered for some minutes: clients send it again without saying so.
 */
export type Repeats = {
  /** Refuses a version that exists, unless the publish is, or may be, a repetition of the one that made it. */
  refuseExisting(
    current: Packument | undefined,
    publish: Publish,
    options: { readonly complete: boolean },
  ): Promise<void>;
  /** The id of the applied change that this publish repeats, by the digest that its document states. */
  applied(current: Packument | undefined, publish: Publish): string | undefined;
  /** The change's id. `integrity`: of the bytes that came. `undefined`: any new id. */
  idOf(publish: Publish, integrity: string): string | undefined;
  /** Sends the change, and remembers it until its answer arrived. `signal`: aborted when the client goes away. */
  watch(
    publish: Publish,
    change: { readonly id: string; readonly integrity: string; readonly signal: AbortSignal },
    send: () => Promise<Response>,
  ): Promise<Response>;
};

/**
 * Remembers what was not answered yet: in this process, and once the answer is known to be missing, in the store for the others.
 *
 * @param onFailure called when the store can't be written; this process remembers it all the same.
 * @example const repeats = createRepeats(createUnansweredPublishes({ store, clock }), onFailure);
 */
export function createRepeats(stored: UnansweredPublishes, onFailure: (error: unknown) => void): Repeats {
  const unanswered = new LRUCache<string, Unanswered & { readonly isStored: boolean }>({
    max: PUBLISH_RETRIES_MAX,
    ttl: PUBLISH_RETRY_MS,
  });
  /** Reads what the processes share. What was stored may have been answered by another one. */
  const refresh = async (publish: Publish) => {
    const key = memoryKey(publish);
    const known = unanswered.get(key);
    if (known && !known.isStored) return;
    const found = await stored.find(publishKey(publish));
    if (found) unanswered.set(key, { ...found, isStored: true });
    else unanswered.delete(key);
  };
  const store = async (publish: Publish, one: Unanswered) => {
    await reported(async () => {
      await stored.put(publishKey(publish), one);
      unanswered.set(memoryKey(publish), { ...one, isStored: true });
    });
  };
  /** The publish has its answer already: a failure here must not change it. */
  const reported = async (write: () => Promise<void>) => {
    try {
      await write();
    } catch (error) {
      onFailure(error);
    }
  };
  const find = (publish: Publish, integrity: string) => {
    const found = unanswered.get(memoryKey(publish));
    return found?.digest === contentOf(publish, integrity) ? found.id : undefined;
  };
  const applied: Repeats["applied"] = (current, publish) => {
    const integrity = declaredIntegrity(publish.document);
    if (integrity === undefined) return undefined;
    const ids = new Set([keyedId(publish, integrity), find(publish, integrity)]);
    return stateOf(current).applied.find(({ id }) => ids.has(id))?.id;
  };
  return {
    applied,
    async refuseExisting(current, publish, { complete }) {
      const { asker, name, document } = publish;
      if (current === undefined || !own(current.versions, document.version)) return;
      await refresh(publish);
      // With a key only the tarball's bytes decide, as long as the document does not state their digest.
      const isUndecided = keyOf(asker) !== undefined && (!complete || declaredIntegrity(document) === undefined);
      if (isUndecided || unanswered.has(memoryKey(publish)) || applied(current, publish) !== undefined) return;
      const { code, message } = versionExists(name, document.version);
      throw new ApiError(code, message);
    },
    idOf: (publish, integrity) => keyedId(publish, integrity) ?? find(publish, integrity),
    async watch(publish, { id, integrity, signal }, send) {
      const key = memoryKey(publish);
      const before = unanswered.get(key);
      const one = { id, digest: contentOf(publish, integrity) };
      // Another publish of the version may come in between; the first one's repetition must still be recognised.
      const forget = async () => {
        if (before && before.id !== id) return void unanswered.set(key, before);
        unanswered.delete(key);
        if (before?.isStored) await reported(() => stored.remove(publishKey(publish)));
      };
      unanswered.set(key, { ...one, isStored: before?.isStored === true });
      try {
        const response = await send();
        if (response.status === 202 || signal.aborted) {
          await store(publish, one);
        } else {
          await forget();
          signal.addEventListener("abort", () => void store(publish, one), { once: true });
        }
        return response;
      } catch (error) {
        await (isOurFault(asApiError(error)) ? store(publish, one) : forget());
        throw error;
      }
    },
  };
}

function publishKey({ asker, name, document }: Publish): PublishKey {
  return { user: asker.user, name, version: document.version };
}

function memoryKey(publish: Publish): string {
  return JSON.stringify(publishKey(publish));
}

function contentOf({ document: { tags, manifest } }: Publish, integrity: string): string {
  return sha256(JSON.stringify([tags, manifest, integrity]));
}

/**
 * The id that stays the same over a client's retries of one publish, and is another for any other publish; `undefined` without a
 * key. npm repeats a PUT after a 5xx with the same `npm-session`. Source: npm-registry-fetch lib/default-opts.js,
 * make-fetch-happen lib/remote.js.
 */
function keyedId(
  { asker, name, document: { version, tags, manifest } }: Publish,
  integrity: string,
): string | undefined {
  const key = keyOf(asker);
  return key && `pub-${sha256(JSON.stringify([key, asker.user, name, version, tags, manifest, integrity]))}`;
}

function keyOf({ headers }: Asker): string | undefined {
  return (headers.get("idempotency-key") ?? headers.get("npm-session")) || undefined;
}

function declaredIntegrity({ manifest }: PublishDocument): string | undefined {
  const [hash, ...others] = ssri.parse(manifest.dist?.integrity ?? "")?.["sha512"] ?? [];
  return hash && others.length === 0 ? `sha512-${hash.digest}` : undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
