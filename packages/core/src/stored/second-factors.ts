import { Secret, TOTP } from "otpauth";
import * as z from "zod";
import { hashToken } from "../access/tokens.ts";
import { sha256Hex } from "../domain/digest.ts";
import { jsonIn } from "../domain/json.ts";
import { factorKey } from "../layout.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import { readObject, updateObject } from "../write/update-object.ts";

/** When a user is asked for a code: when signing in, or also for every write. npm's names. */
export const FACTOR_MODES = ["auth-only", "auth-and-writes"] as const;
export type FactorMode = (typeof FACTOR_MODES)[number];

/** Seconds for which a code is shown. Source: RFC 6238, 5.2. */
const PERIOD = 30;
/** Codes before and after the present one that count: clocks differ. Source: RFC 6238, 6. */
const WINDOW = 1;
/** Bytes of a secret. Source: RFC 4226, 4, R6. */
const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
/**
 * For so long a token may repeat what it was confirmed with, in milliseconds: `npm unpublish` sends several requests with one code,
 * and a client repeats a request whose answer was lost.
 */
export const REPEAT_MS = 5 * 60_000;
/** For so long a confirmation in the browser waits, in milliseconds. */
export const CONFIRM_MS = 10 * 60_000;
/** Confirmations of a user that wait or count at a time; the oldest give way. */
const KEPT_MAX = 10;
/** Wrong codes that cost nothing, the first wait and the longest one, in milliseconds. */
const FREE = 5;
const FIRST_WAIT_MS = 30_000;
const WAIT_MAX_MS = 60 * 60_000;

const StoredFactor = z.object({
  schema: z.literal(1),
  mode: z.enum(FACTOR_MODES),
  /** In base 32. */
  secret: z.string(),
  /** Whether the user has shown a code of it. */
  confirmed: z.boolean(),
  /** The last period whose code was accepted: no earlier one is. */
  lastStep: z.number(),
  /** SHA-256 of each recovery code that is left. */
  recovery: z.array(z.string()),
  /** What was accepted, by which token, and until when that token may repeat it. */
  accepted: z.array(z.object({ what: z.string(), by: z.string(), until: z.number() })),
  /** Confirmations in the browser: hashes of the page's and of the client's secret. */
  pages: z.array(z.object({ page: z.string(), done: z.string(), by: z.string(), until: z.number(), ok: z.boolean() })),
  failures: z.object({ count: z.number(), until: z.number() }),
});
type StoredFactor = z.infer<typeof StoredFactor>;

/** `wrong`: also a code that was used before. `wait`: too many wrong ones. `none`: the user has no second factor. */
export type CodeCheck =
  | { readonly ok: true; readonly recovery?: boolean }
  | { readonly ok: false; readonly reason: "wrong" | "none" }
  | { readonly ok: false; readonly reason: "wait"; readonly seconds: number };

/** The second factors of users: one-time codes by time (TOTP), recovery codes, and confirmations in the browser. */
export type SecondFactors = {
  /** `undefined`: the user has none. `pending`: it was begun, and no code was shown yet; it is asked for nothing. */
  find(name: string): Promise<{ readonly mode: FactorMode; readonly pending: boolean } | undefined>;
  /** Begins one, in place of a pending one, and returns the URL for the user's app. `undefined`: there is one already. */
  begin(name: string, mode: FactorMode, issuer: string): Promise<string | undefined>;
  /** Ends the pending state by a code, and returns the recovery codes, this once. `undefined`: the code is wrong. */
  complete(name: string, code: string): Promise<readonly string[] | undefined>;
  setMode(name: string, mode: FactorMode): Promise<void>;
  remove(name: string): Promise<void>;
  /**
   * Whether a code is right: of the app, a recovery code, or the token of a confirmation in the browser. Each counts once; the token
   * with the hash `by` may repeat its own for `REPEAT_MS`.
   *
   * @param by the hash of the token that the request has; absent for a sign-in.
   */
  check(name: string, code: string, by?: string): Promise<CodeCheck>;
  /** Begins a confirmation in the browser for a token. The secrets are kept nowhere. */
  beginPage(name: string, by: string): Promise<{ readonly page: string; readonly done: string }>;
  /** Whether the secret is that of a page that waits. */
  isPage(name: string, page: string): Promise<boolean>;
  /** The person confirmed behind the page. Its code was checked before. `false`: the page is unknown, or too old. */
  confirmPage(name: string, page: string): Promise<boolean>;
  /** How a confirmation stands, for the client that polls. */
  pageState(name: string, done: string): Promise<"pending" | "confirmed" | "expired">;
};

/**
 * Second factors over an object store, one object for each user, changed conditionally: of two who show one code, one is right.
 *
 * @example
 * const url = await factors.begin("alice", "auth-and-writes", "registry.acme.example"); // "otpauth://totp/…"
 * const recovery = await factors.complete("alice", "123456");
 * await factors.check("alice", "654321", tokenHash); // { ok: true }
 */
export function createSecondFactors({
  store,
  clock,
  ids,
}: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "secret">;
}): SecondFactors {
  const now = () => clock.now().getTime();
  const read = async (name: string) => {
    const found = await readObject(store, factorKey(name));
    return found && StoredFactor.parse(jsonIn(found.bytes));
  };
  const update: Update = async (name, change) => {
    const updated = await updateObject({ store, clock }, factorKey(name), {
      read: () => readObject(store, factorKey(name)),
      mutate(found) {
        const { result, factor } = change(found && StoredFactor.parse(jsonIn(found.bytes)));
        return factor ? { result, bytes: Buffer.from(JSON.stringify(factor)) } : { result };
      },
    });
    if (!updated.ok) throw new StoreUnavailable("the second factor is being written by others");
    return updated.result;
  };
  return {
    async find(name) {
      const factor = await read(name);
      return factor && { mode: factor.mode, pending: !factor.confirmed };
    },
    begin: (name, mode, issuer) => {
      const bytes = Buffer.from(sha256Hex(ids.secret()), "hex").subarray(0, SECRET_BYTES);
      const secret = new Secret({ buffer: new Uint8Array(bytes).buffer }).base32;
      const fresh = { ...EMPTY, mode, secret };
      const url = new TOTP({ issuer, label: name, secret, period: PERIOD }).toString();
      return update<string | undefined>(name, (factor) =>
        factor?.confirmed ? { result: undefined } : { result: url, factor: fresh },
      );
    },
    complete: (name, code) => {
      const codes = Array.from({ length: RECOVERY_CODES }, () => sha256Hex(ids.secret()));
      return update<readonly string[] | undefined>(name, (factor) => {
        if (!factor || factor.confirmed || wait(factor, now()) > 0) return { result: undefined };
        const step = stepOf(factor, code, now());
        if (step === undefined) return { result: undefined, factor: failed(factor, now()) };
        const recovery = codes.map(hashToken);
        return { result: codes, factor: { ...factor, confirmed: true, lastStep: step, recovery, failures: NONE } };
      });
    },
    setMode: (name, mode) =>
      update(name, (factor) => (factor ? { result: undefined, factor: { ...factor, mode } } : { result: undefined })),
    async remove(name) {
      await store.delete(factorKey(name));
    },
    check: (name, code, by) =>
      update<CodeCheck>(name, (factor) =>
        factor?.confirmed ? judge(factor, code, by, now()) : { result: { ok: false, reason: "none" } },
      ),
    ...pagesOver({ read, update, now, ids }),
  };
}

type Update = <Result>(
  name: string,
  change: (factor: StoredFactor | undefined) => { readonly result: Result; readonly factor?: StoredFactor },
) => Promise<Result>;

/** Confirmations in the browser. */
function pagesOver({
  read,
  update,
  now,
  ids,
}: {
  readonly read: (name: string) => Promise<StoredFactor | undefined>;
  readonly update: Update;
  readonly now: () => number;
  readonly ids: Pick<Ids, "secret">;
}): Pick<SecondFactors, "beginPage" | "isPage" | "confirmPage" | "pageState"> {
  return {
    beginPage: (name, by) => {
      const [page, done] = [ids.secret(), ids.secret()];
      const entry = { page: hashToken(page), done: hashToken(done), by, until: now() + CONFIRM_MS, ok: false };
      return update(name, (factor) =>
        factor
          ? { result: { page, done }, factor: { ...factor, pages: [...factor.pages, entry].slice(-KEPT_MAX) } }
          : { result: { page, done } },
      );
    },
    async isPage(name, page) {
      const pages = (await read(name))?.pages ?? [];
      return pages.some((one) => one.page === hashToken(page) && one.until > now() && !one.ok);
    },
    confirmPage: (name, page) =>
      update(name, (factor) => {
        const found = factor?.pages.find((one) => one.page === hashToken(page) && one.until > now() && !one.ok);
        if (!factor || !found) return { result: false };
        const confirmed = { ...found, ok: true, until: now() + REPEAT_MS };
        return {
          result: true,
          factor: { ...factor, pages: factor.pages.map((one) => (one === found ? confirmed : one)) },
        };
      }),
    async pageState(name, done) {
      const found = (await read(name))?.pages.find((one) => one.done === hashToken(done) && one.until > now());
      if (!found) return "expired";
      return found.ok ? "confirmed" : "pending";
    },
  };
}

const NONE = { count: 0, until: 0 };
const EMPTY: Omit<StoredFactor, "mode" | "secret"> = {
  schema: 1,
  confirmed: false,
  lastStep: 0,
  recovery: [],
  accepted: [],
  pages: [],
  failures: NONE,
};

type Judged = { readonly result: CodeCheck; readonly factor?: StoredFactor };

/** Pure: what becomes of a code, and of the factor. */
function judge(factor: StoredFactor, sent: string, by: string | undefined, now: number): Judged {
  const seconds = Math.ceil(wait(factor, now) / 1_000);
  if (seconds > 0) return { result: { ok: false, reason: "wait", seconds } };
  const hash = hashToken(sent.trim());
  if (by !== undefined && factor.pages.some((one) => one.done === hash && one.ok && one.by === by && one.until > now))
    return { result: { ok: true } };
  const step = stepOf(factor, sent, now);
  const what = step === undefined ? `recovery ${hash}` : `step ${step}`;
  if (factor.accepted.some((one) => one.what === what && one.by === by && one.until > now))
    return { result: { ok: true } };
  const isRecovery = factor.recovery.includes(hash);
  if (!isRecovery && (step === undefined || step <= factor.lastStep))
    return { result: { ok: false, reason: "wrong" }, factor: failed(factor, now) };
  const kept = by === undefined ? [] : [{ what, by, until: now + REPEAT_MS }];
  return {
    result: { ok: true, ...(isRecovery ? { recovery: true } : {}) },
    factor: {
      ...factor,
      lastStep: step ?? factor.lastStep,
      recovery: factor.recovery.filter((left) => left !== hash),
      accepted: [...factor.accepted.filter(({ until }) => until > now), ...kept].slice(-KEPT_MAX),
      failures: NONE,
    },
  };
}

/** The period that a code belongs to; `undefined`: to none that counts. */
function stepOf({ secret }: StoredFactor, sent: string, now: number): number | undefined {
  const token = sent.replaceAll(/\s/g, "");
  if (!/^\d{6}$/.test(token)) return undefined;
  const delta = new TOTP({ secret, period: PERIOD }).validate({ token, timestamp: now, window: WINDOW });
  return delta === null ? undefined : Math.floor(now / 1_000 / PERIOD) + delta;
}

function wait({ failures }: StoredFactor, now: number): number {
  return Math.max(0, failures.until - now);
}

/** Kept in the store: who knows the password must not guess faster by another address, another instance or a restart. */
function failed(factor: StoredFactor, now: number): StoredFactor {
  const count = factor.failures.count + 1;
  const ms = count < FREE ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (count - FREE), WAIT_MAX_MS);
  return { ...factor, failures: { count, until: now + ms } };
}
