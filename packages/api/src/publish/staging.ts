import type { Ids, ObjectStore } from "@codebox/core";
import { ApiError } from "../errors.ts";
import { stageTarball, takeUpload, type Inspected, type TarballLimits } from "./tarball.ts";

/** An attachment as found: its tarball is staged. `upload`: where the client had put it. */
export type Attachment = Inspected & { readonly file: string; readonly staging: string; readonly upload?: string };

/** The one tarball of a publish request, from its first byte until the change is decided. */
export type Staging = {
  readonly attachment: () => Attachment | undefined;
  /** Stages a tarball while it streams in. @throws ApiError `invalid` for a second one, and what `stageTarball` throws */
  stream(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Takes over a tarball that was uploaded before. @throws ApiError `invalid` for a second one, and what `takeUpload` throws */
  takeUpload(file: string, key: string): Promise<void>;
  /** Sends the change that needs the tarball, and remembers whether it may still be needed afterwards. */
  whileNeeded(submit: () => Promise<Response>): Promise<Response>;
  /** Deletes what is staged, unless a change may need it. */
  close(): Promise<void>;
};

/**
 * Opens the staging area of one request.
 *
 * @example const staging = openStaging(ports, limits); try { await staging.stream(file, bytes); … } finally { await staging.close(); }
 */
export function openStaging(ports: { readonly store: ObjectStore; readonly ids: Ids }, limits: TarballLimits): Staging {
  let attachment: Attachment | undefined;
  let isNeeded = false;
  const refuseSecond = () => {
    if (attachment) throw new ApiError("invalid", "a publish has exactly one tarball; this one has several");
  };
  return {
    attachment: () => attachment,
    async stream(file, bytes) {
      refuseSecond();
      attachment = { file, ...(await stageTarball(ports, bytes, limits)) };
    },
    async takeUpload(file, key) {
      refuseSecond();
      attachment = { file, ...(await takeUpload(ports, key, limits)) };
    },
    async whileNeeded(submit) {
      isNeeded = true;
      try {
        const response = await submit();
        // Once the outcome is known nothing needs it: it was published, or the request was a retry.
        isNeeded = response.status === 202;
        if (attachment?.upload !== undefined) await ports.store.delete(attachment.upload);
        return response;
      } catch (error) {
        // An ApiError is a refusal. After any other failure the change may be queued, and then it needs its tarball.
        isNeeded = !(error instanceof ApiError);
        throw error;
      }
    },
    async close() {
      if (attachment && !isNeeded) await ports.store.delete(attachment.staging);
    },
  };
}
