import { PUBLISH_RETRIES_MAX, PUBLISH_RETRY_MS } from "@codebox/core";
import { LRUCache } from "lru-cache";
import { asApiError, isOurFault } from "../errors.ts";

/** What makes two publishes the same one. `digest`: of everything but the first three. */
export type PublishContent = {
  readonly user: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
};

/** The publishes whose answer did not arrive, was a 5xx or a 202: clients send them again, without a word that they do. */
export type Retries = {
  /** Whether the user has such a publish of this version. Only its bytes tell whether it is the same. */
  mayHave(user: string, name: string, version: string): boolean;
  /** The change's id of the same publish. */
  find(content: PublishContent): string | undefined;
  /** Makes a publish, and remembers it until its answer arrived. `signal`: aborted when the client goes away. */
  watch(content: PublishContent, id: string, signal: AbortSignal, publish: () => Promise<Response>): Promise<Response>;
};

/**
 * Remembers, in this process, the publishes that clients will send again.
 *
 * @example await retries.watch(content, id, request.signal, () => submitChange(…)) // then retries.find(content) is the id, or undefined
 */
export function createRetries(): Retries {
  const unanswered = new LRUCache<string, { readonly id: string; readonly digest: string }>({
    max: PUBLISH_RETRIES_MAX,
    ttl: PUBLISH_RETRY_MS,
  });
  const keyOf = (user: string, name: string, version: string) => JSON.stringify([user, name, version]);
  return {
    mayHave: (user, name, version) => unanswered.has(keyOf(user, name, version)),
    find({ user, name, version, digest }) {
      const found = unanswered.get(keyOf(user, name, version));
      return found?.digest === digest ? found.id : undefined;
    },
    async watch({ user, name, version, digest }, id, signal, publish) {
      const key = keyOf(user, name, version);
      const before = unanswered.get(key);
      const remember = () => void unanswered.set(key, { id, digest });
      // Another publish of the version may come in between; the first one's retry must still be recognised.
      const forget = () => void (before && before.id !== id ? unanswered.set(key, before) : unanswered.delete(key));
      remember();
      try {
        const response = await publish();
        if (response.status !== 202 && !signal.aborted) {
          forget();
          signal.addEventListener("abort", remember, { once: true });
        }
        return response;
      } catch (error) {
        if (!isOurFault(asApiError(error))) forget();
        throw error;
      }
    },
  };
}
