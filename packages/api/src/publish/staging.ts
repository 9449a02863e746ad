import { stagingKey, type Ids, type ObjectStore } from "@codebox/core";
import { ApiError } from "../errors.ts";
import { inspectStored, stageTarball, type Inspected, type TarballLimits } from "./tarball.ts";

/** The tarball of a publish: the name of its file in the document, what it is, and the key under which it is staged. */
export type Attachment = Inspected & { readonly file: string; readonly staging: string };

/** The one tarball of a publish request, from its first byte until the request is answered. */
export type Staging = {
  /** What was staged; `undefined`: nothing yet. */
  attachment(): Attachment | undefined;
  /** Stages a tarball while it streams in. @throws ApiError `invalid` for a second one, and what `stageTarball` throws */
  stream(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Stages a copy of a tarball that was uploaded to a signed URL. The URL may still overwrite the upload; no URL reaches the copy.
   *
   * @throws ApiError `tarball_missing`, `invalid` (also for a second tarball), `too_large`
   */
  copyUpload(file: string, upload: string): Promise<void>;
  /** Sends the change that names the tarball, and decides by the answer whether the tarball is still needed. */
  handOver(submit: () => Promise<Response>, options?: HandOver): Promise<Response>;
};

/** `keeps`: an applied change goes on needing the tarball where it is. Default: it has another place by then. */
type HandOver = { readonly keeps?: boolean };

/** What staging works with. */
export type StagingPorts = {
  readonly store: ObjectStore;
  readonly ids: Ids;
  /** The key of the tarball. Default: a new one of the staging area. */
  readonly newKey?: () => string;
  /** Called for an object that could not be deleted. */
  readonly onFailure: (error: unknown) => void;
};

/**
 * Gives `work` a staging area. At the end it deletes what was stored there, unless a change needs it.
 *
 * A clean-up that fails is reported and does not change the result: what remains is deleted by age (`LAYOUT.staging`).
 * @example await withStaging(ports, { tarballBytesMax }, async (staging) => { await staging.stream("wire-1.0.0.tgz", bytes); … });
 */
export async function withStaging<T>(
  ports: StagingPorts,
  limits: TarballLimits,
  work: (staging: Staging) => Promise<T>,
): Promise<T> {
  const leftovers = new Set<string>();
  try {
    return await work(createStaging(ports, limits, leftovers));
  } finally {
    await Promise.all([...leftovers].map((key) => ports.store.delete(key).catch(ports.onFailure)));
  }
}

/** @param leftovers gets the keys that are deleted at the end. */
function createStaging(
  { store, ids, newKey: make }: StagingPorts,
  limits: TarballLimits,
  leftovers: Set<string>,
): Staging {
  let attachment: Attachment | undefined;
  let usedUpload: string | undefined;
  const newKey = () => {
    if (attachment) throw new ApiError("invalid", "a publish has exactly one tarball; this one has several");
    return make?.() ?? stagingKey(ids.next());
  };
  return {
    attachment: () => attachment,
    async stream(file, bytes) {
      const staging = newKey();
      attachment = { file, staging, ...(await stageTarball(store, staging, bytes, limits)) };
      leftovers.add(staging);
    },
    async copyUpload(file, upload) {
      const staging = newKey();
      const copied = await store.copy(upload, staging);
      if (copied.ok) leftovers.add(staging);
      const found = copied.ok ? await inspectStored(store, staging, limits) : undefined;
      if (!found)
        throw new ApiError("tarball_missing", "no upload has this id, or it has expired; upload the tarball again");
      attachment = { file, staging, ...found };
      usedUpload = upload;
    },
    async handOver(submit, { keeps = false } = {}) {
      const sent = [...leftovers];
      // Until the outcome is known, the change may be queued, and then it needs its tarball.
      leftovers.clear();
      const release = () => sent.forEach((key) => leftovers.add(key));
      try {
        const response = await submit();
        // Once the outcome is known nothing needs the tarball: it was published, or the request was a retry.
        if (response.status !== 202 && !keeps) release();
        if (usedUpload !== undefined) leftovers.add(usedUpload);
        return response;
      } catch (error) {
        // A refusal. The upload stays, so that a corrected publish can name it.
        if (error instanceof ApiError) release();
        throw error;
      }
    },
  };
}
