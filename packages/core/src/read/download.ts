import { StoreUnavailable } from "../ports/object-store.ts";
import type { CopyStore } from "../ports/copy-store.ts";
import { createReaders, type Readers } from "./download-readers.ts";

/** A tarball of at most so many bytes is checked as a whole before its first byte is passed on. */
const WHOLE_BYTES = 1024 * 1024;
const TARBALL_TYPE = "application/octet-stream";

/** What is downloaded: the end of `body` throws when the bytes are not those of the digest. */
type Incoming = { readonly size?: number; readonly body: AsyncIterable<Uint8Array> };
/** A client's share of a download. */
export type Share = { readonly size?: number; readonly body: Uint8Array | AsyncIterable<Uint8Array> };

/** A download under way, which any number of clients share. */
type Download = {
  /** `undefined`: there is no such file. @throws what the download throws before its first byte */
  share(): Promise<Share | undefined>;
  /** Waits until the file is kept. `false`: there is no such file. @throws what the download throws */
  kept(): Promise<boolean>;
};

/** Downloads by key: each file is fetched once at a time, however many ask for it. */
export type Downloads = {
  running(key: string): Download | undefined;
  /** Begins a download, or returns the one under way. `fetch` is aborted when nobody waits for its bytes any more. */
  begin(key: string, fetch: (signal: AbortSignal) => Promise<Incoming | undefined>): Download;
};

/** @param onFailure called when a file could not be kept, though its clients got it. */
export function createDownloads(copies: CopyStore, onFailure: (error: unknown) => void): Downloads {
  const running = new Map<string, Download>();
  return {
    running: (key) => running.get(key),
    begin(key, fetch) {
      const known = running.get(key);
      if (known) return known;
      const { download, ended } = startDownload(copies, key, fetch, onFailure);
      running.set(key, download);
      const forget = () => void running.delete(key);
      ended.then(forget, forget);
      return download;
    },
  };
}

function startDownload(
  copies: CopyStore,
  key: string,
  fetch: (signal: AbortSignal) => Promise<Incoming | undefined>,
  onFailure: (error: unknown) => void,
): { readonly download: Download; readonly ended: Promise<boolean> } {
  const abandoned = new AbortController();
  const started = Promise.withResolvers<{ size?: number; whole?: Uint8Array } | undefined>();
  let waiting = 0;
  const leave = () => {
    if (--waiting === 0) abandoned.abort(new Error("nobody waits for this download any more"));
  };
  const run = async (): Promise<boolean> => {
    const found = await fetch(abandoned.signal);
    if (!found) {
      started.resolve(undefined);
      return false;
    }
    const size = found.size === undefined ? {} : { size: found.size };
    if (found.size !== undefined && found.size <= WHOLE_BYTES) {
      const whole = Buffer.concat(await Array.fromAsync(found.body));
      started.resolve({ ...size, whole });
      await copies.write(key, whole, TARBALL_TYPE).catch((error: unknown) => {
        onFailure(error);
        throw error;
      });
      return true;
    }
    started.resolve(size);
    await distribute(found.body, readers, (body) => copies.write(key, body, TARBALL_TYPE), onFailure);
    return true;
  };
  const ended = run();
  const readers = createReaders(ended, (from) => copies.open(key, from));
  // Each client gets the failure; nobody may wait.
  ended.catch(started.reject);
  started.promise.catch(() => {});
  const download: Download = {
    async share() {
      waiting++;
      const begun = await started.promise;
      if (!begun) return undefined;
      const { whole, ...size } = begun;
      return { ...size, body: whole ?? readers.add(leave) };
    },
    async kept() {
      waiting++;
      return ended;
    },
  };
  return { download, ended };
}

/**
 * Hands bytes to a store and to the readers, at the pace of the store. A store that fails is left out: the readers get the rest at
 * their own pace.
 */
async function distribute(
  body: AsyncIterable<Uint8Array>,
  readers: Readers,
  store: (body: AsyncIterable<Uint8Array>) => Promise<unknown>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const pieces = body[Symbol.asyncIterator]();
  let held: Uint8Array | undefined;
  // Each piece is passed on when the next one is there: when the digest is wrong, no reader gets the last one.
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await pieces.next();
    if (held) readers.offer(held);
    held = done ? undefined : value;
    return held;
  };
  try {
    try {
      await store(
        (async function* () {
          for (let piece = await next(); piece; piece = await next()) yield piece;
        })(),
      );
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      onFailure(error);
      readers.keepNothing();
      do await readers.room();
      while (await next());
    }
    readers.end();
  } catch (error) {
    readers.fail(error);
    throw error;
  } finally {
    await pieces.return?.();
  }
}
