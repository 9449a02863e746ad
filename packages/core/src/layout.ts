import { sha256Hex } from "./domain/digest.ts";
import { STAGE_DAYS } from "./domain/limits.ts";

/**
 * Where objects are in the store, and how long they live. This is the only place that spells a key.
 *
 * Packages use the predecessor's layout: `<name>/index.json` and `<name>/<version>.tgz`. All other objects are under
 * `_codebox/`, which no package name can be. The bucket's lifecycle rules, the functions' rights, the daily sweep and
 * `codebox verify` read `LAYOUT`; tests/docs compares it with the table in docs/store.md.
 */
const OWN_PREFIX = "_codebox/";

/** Days for which a message may wait in a queue, and then among the dead letters. 14 is the longest that SQS keeps one. */
export const QUEUE_DAYS = 14;
export const DEAD_LETTER_DAYS = 14;
/** Longer than a message that names the object may wait, in days. */
const NAMED_BY_MESSAGE_DAYS = QUEUE_DAYS + DEAD_LETTER_DAYS + 2;

export type Area = {
  /** Every key of the area begins with it. */
  readonly prefix: string;
  readonly purpose: string;
  /** Days after which an object is deleted; absent: it is kept until codebox deletes it. */
  readonly days?: number;
};

/**
 * Every area of the store that belongs to codebox itself.
 *
 * @example LAYOUT.staging.prefix // "_codebox/staging/"
 */
export const LAYOUT = {
  staging: {
    prefix: `${OWN_PREFIX}staging/`,
    purpose: "tarballs of publishes that are not applied yet",
    days: NAMED_BY_MESSAGE_DAYS,
  },
  staged: {
    prefix: `${OWN_PREFIX}staged/`,
    purpose: "versions that wait for approval: their tarballs, and what approval publishes",
    days: STAGE_DAYS + NAMED_BY_MESSAGE_DAYS,
  },
  messages: {
    prefix: `${OWN_PREFIX}messages/`,
    purpose: "changes that are too large for a message",
    days: NAMED_BY_MESSAGE_DAYS,
  },
  outcomes: {
    prefix: `${OWN_PREFIX}outcomes/`,
    purpose: "outcomes that no packument holds: rejections, and changes that were answered with 202",
    days: 14,
  },
  upstream: {
    prefix: `${OWN_PREFIX}upstream/`,
    purpose: "copies of the upstream's packuments and tarballs",
    days: 90,
  },
  history: {
    prefix: `${OWN_PREFIX}history/`,
    purpose: "the history of each package: its records, in order, and details too large for index.json",
  },
  tokens: { prefix: `${OWN_PREFIX}tokens/`, purpose: "token records by hash, and the hashes of each user" },
  access: { prefix: `${OWN_PREFIX}access/`, purpose: "who may do what: roles, private packages, organisations, teams" },
  uses: {
    prefix: `${OWN_PREFIX}uses/`,
    purpose: "the day on which a token was last used, by the token's hash",
    days: 400,
  },
  sessions: {
    prefix: `${OWN_PREFIX}sessions/`,
    purpose: "logins that were begun, by the hash of their secret",
    days: 2,
  },
  accounts: {
    prefix: `${OWN_PREFIX}accounts/`,
    purpose: "which user an account of a sign-in provider is, and whose each name is",
  },
  invitations: {
    prefix: `${OWN_PREFIX}invitations/`,
    purpose: "who is invited to choose a password, by name, with the hash of the code",
    days: 32,
  },
  audit: {
    prefix: `${OWN_PREFIX}audit/`,
    purpose: "the audit log: an object for each entry, by its time",
    days: 400,
  },
  factors: {
    prefix: `${OWN_PREFIX}factors/`,
    purpose: "second factors by user: the secret of the codes, recovery codes by hash, what was accepted last",
  },
  unanswered: {
    prefix: `${OWN_PREFIX}unanswered/`,
    purpose: "publishes whose answer may not have arrived",
    days: 2,
  },
  trust: { prefix: `${OWN_PREFIX}trust/`, purpose: "which CI jobs may publish a package or a scope" },
  spent: {
    prefix: `${OWN_PREFIX}spent/`,
    purpose: "ID tokens that were exchanged, by hash, so that none is used twice",
    days: 2,
  },
  releases: {
    prefix: `${OWN_PREFIX}releases/`,
    purpose: "whether a release of several packages is open, committed or aborted",
  },
  webhooks: { prefix: `${OWN_PREFIX}webhooks/`, purpose: "webhooks: their targets, secrets, and how far each is" },
  search: { prefix: `${OWN_PREFIX}search/`, purpose: "the index for searches: a summary of each package" },
  health: { prefix: `${OWN_PREFIX}health`, purpose: "never written; the health check looks whether the store answers" },
} as const satisfies Readonly<Record<string, Area>>;

/** The areas whose objects expire. */
export const EXPIRING: readonly (Area & { readonly days: number })[] = Object.values(LAYOUT).filter(
  (area) => "days" in area,
);

/** The area of a key; `undefined` for a package's object and for an object that is not ours. */
export function areaOf(key: string): Area | undefined {
  return Object.values<Area>(LAYOUT).find(({ prefix }) => key.startsWith(prefix));
}

export const indexKey = (name: string): string => `${name}/index.json`;
export const tarballKey = (name: string, version: string): string => `${name}/${version}.tgz`;
export const stagingKey = (id: string): string => `${LAYOUT.staging.prefix}${id}`;
/** The tarball of a staged version. */
export const stagedKey = (id: string): string => `${LAYOUT.staged.prefix}${id}`;
/** What its approval publishes, as JSON. */
export const stagedContentKey = (id: string): string => `${stagedKey(id)}.json`;
export const releaseKey = (id: string): string => `${LAYOUT.releases.prefix}${id}.json`;
export const messageKey = (sha256: string): string => `${LAYOUT.messages.prefix}${sha256}`;
export const outcomeKey = (id: string): string => `${LAYOUT.outcomes.prefix}${id}`;
export const unansweredKey = (hash: string): string => `${LAYOUT.unanswered.prefix}${hash}`;
/** The records of a package from a sequence on. Padded, so that a listing has them in order. */
export const historyKey = (name: string, first: number): string =>
  `${historyPrefix(name)}${String(first).padStart(15, "0")}.json`;
export const historyDetailKey = (name: string, sha256: string): string => `${historyPrefix(name)}detail-${sha256}.json`;
const historyPrefix = (name: string): string => `${LAYOUT.history.prefix}${encodeURIComponent(name)}/`;
/** All packages, and those that changed recently. */
export const searchKeys = {
  all: `${LAYOUT.search.prefix}packages.json.gz`,
  recent: `${LAYOUT.search.prefix}recent.json.gz`,
} as const;
export const sessionKey = (hash: string): string => `${LAYOUT.sessions.prefix}${hash}`;
export const invitationKey = (user: string): string => `${LAYOUT.invitations.prefix}${encodeURIComponent(user)}`;
/** Named by the time first, so that a listing has the entries in their order. */
export const auditKey = (at: string, id: string): string => `${LAYOUT.audit.prefix}${at}-${id}`;
export const factorKey = (user: string): string => `${LAYOUT.factors.prefix}${encodeURIComponent(user)}`;
/** `subject`: what the provider never gives to another account. */
export const accountKey = (provider: string, subject: string): string =>
  `${LAYOUT.accounts.prefix}${provider}/${sha256Hex(subject)}`;
/** In one spelling: names that differ only in capitals are one. */
export const accountNameKey = (name: string): string =>
  `${LAYOUT.accounts.prefix}names/${encodeURIComponent(name.toLowerCase())}`;
export const tokenKey = (hash: string): string => `${LAYOUT.tokens.prefix}${hash}`;
export const rightsKey = `${LAYOUT.access.prefix}rights.json`;
/** `target`: a package's name, or `@acme/*`. */
export const trustKey = (target: string): string => `${LAYOUT.trust.prefix}${encodeURIComponent(target)}`;
export const webhookKey = (id: string): string => `${LAYOUT.webhooks.prefix}${id}`;
export const spentKey = (hash: string): string => `${LAYOUT.spent.prefix}${hash}`;
export const tokenUseKey = (hash: string): string => `${LAYOUT.uses.prefix}${hash}`;
export const userTokensPrefix = (user: string): string => `${LAYOUT.tokens.prefix}users/${encodeURIComponent(user)}/`;
export const userTokenKey = (user: string, hash: string): string => `${userTokensPrefix(user)}${hash}`;
/** Name and file are escaped, so that `@acme/wire` and a package `@acme` with a file `wire` have different keys. */
export const upstreamKey = (name: string, file: string): string =>
  `${LAYOUT.upstream.prefix}${encodeURIComponent(name)}/${encodeURIComponent(file)}`;

/** Whether a key is under the prefix that codebox keeps for itself. */
export const isOwnKey = (key: string): boolean => key.startsWith(OWN_PREFIX);

/** The package whose document a key is: `@acme/wire` for `@acme/wire/index.json`; `undefined` for any other object. */
export function packageOfKey(key: string): string | undefined {
  return key.endsWith("/index.json") && !isOwnKey(key) ? key.slice(0, -"/index.json".length) : undefined;
}

/** What a history object's key says: the package, and the first sequence of its records or the digest of a detail. */
export type HistoryPlace = { readonly name: string } & ({ readonly first: number } | { readonly sha256: string });

/** The parts of a history object's key; `undefined` for any other key. */
export function historyOfKey(key: string): HistoryPlace | undefined {
  const [, encoded = "", first, sha256] =
    /^([^/]+)\/(?:(\d{15})|detail-([0-9a-f]{64}))\.json$/.exec(key.slice(LAYOUT.history.prefix.length)) ?? [];
  if (!key.startsWith(LAYOUT.history.prefix) || encoded === "") return undefined;
  const name = decodeURIComponent(encoded);
  return sha256 === undefined ? { name, first: Number(first) } : { name, sha256 };
}

/** The sha256 in the key of a message's body; `undefined` for any other key. */
export function hashOfMessageKey(key: string): string | undefined {
  return hashBehind(LAYOUT.messages.prefix, key);
}

/** The hash of the token that an entry of a user's list names; `undefined` for any other key. */
export function hashOfUserTokenKey(key: string): string | undefined {
  const users = `${LAYOUT.tokens.prefix}users/`;
  const slash = key.indexOf("/", users.length);
  return key.startsWith(users) && slash > users.length ? hashBehind(key.slice(0, slash + 1), key) : undefined;
}

function hashBehind(prefix: string, key: string): string | undefined {
  const hash = key.slice(prefix.length);
  return key.startsWith(prefix) && /^[0-9a-f]{64}$/.test(hash) ? hash : undefined;
}

/** The cursor with which a listing of packages continues: it skips our own objects, above all the upstream's copies. */
export function behindOwn(cursor: string): string {
  return isOwnKey(cursor) ? OWN_END : cursor;
}

/** The first key after all of ours: "0" follows "/". No package name begins with an underscore. */
const OWN_END = "_codebox0";
