/**
 * Every limit of the registry, as a named constant with its reason.
 *
 * A limit is checked where data enters; data over it is rejected with a message that names the limit.
 */

/** npm's own limit on a package name, scope included. Source: npm's documentation of package.json, "name". */
export const NAME_MAX = 214;

/** semver's own limit on a version string (`MAX_LENGTH` in node-semver's internal/constants.js). */
export const VERSION_MAX = 256;

/** Longest dist-tag, in characters. Far above any real tag; keeps a thousand tags inside one SNS message. */
export const TAG_MAX = 128;

/** Most dist-tags a package may hold. Every tag read carries all of them; a thousand is about 40 KB. */
export const TAGS_MAX = 1_000;

/** Most dist-tags that a publish may set; clients send one. */
export const PUBLISH_TAGS_MAX = 20;

/** Most versions a package may hold. An index.json of 10,000 versions is about 20 MB, the most a Lambda rewrites in a second. */
export const VERSIONS_MAX = 10_000;

/** Most owners a package may hold. */
export const OWNERS_MAX = 200;

/** Most packages, scopes or networks that one token names. They are looked through for every request; npm's registry has the same. */
export const TOKEN_LIST_MAX = 50;

/** Longest deprecation message, in characters. It is repeated in every abbreviated packument. */
export const DEPRECATION_MAX = 1_024;

/** Longest change id, in characters: SQS's limit on MessageDeduplicationId. Source: SQS quotas, messages. */
export const CHANGE_ID_MAX = 128;

/** Largest version manifest, in bytes of JSON, readme left out. A larger one would make an index.json that clients cannot load. */
export const MANIFEST_BYTES_MAX = 1024 * 1024;

/**
 * Most values in a version manifest, and most in the package.json of a tarball. A large map of exports has some thousands; more
 * of them block the event loop while they are copied.
 */
export const MANIFEST_VALUES_MAX = 20_000;

/**
 * Largest packument, in bytes of JSON. npm sends it back, with a URL for each version, to deprecate or unpublish: it must fit a
 * body (`BODY_BYTES_MAX`).
 */
export const PACKUMENT_BYTES_MAX = 28 * 1024 * 1024;

/** Longest readme kept, in characters; a longer one is cut, as npm's own registry does. */
export const README_MAX = 64 * 1024;

/**
 * Largest JSON in a request body, in bytes, without a publish's tarball. A packument of 10,000 versions fits: npm sends it back
 * for deprecate and unpublish. A publish has the same limit: before its last byte it may still be a deprecate.
 */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;

/** How many times its own size a compressed body may decompress to: JSON shrinks 5 to 30 times, a bomb of one character a thousand. */
export const DECODED_RATIO_MAX = 100;

/** Bytes that any compressed body may decompress to; above that, `DECODED_RATIO_MAX` applies. A few milliseconds of one thread. */
export const DECODED_FREE_BYTES = 256 * 1024;

/** Deepest nesting of objects and arrays in a body. A packument has about 20; what reads it later does so by recursion. */
export const JSON_DEPTH_MAX = 64;

/** Most values in a body: millions of tiny ones take time and memory, not bytes. A packument of 10,000 versions has some 600,000. */
export const JSON_VALUES_MAX = 1_000_000;

/** Longest string in a body, in characters. The longest that clients send is a readme, which is cut at `README_MAX`. */
export const JSON_STRING_MAX = 2 * 1024 * 1024;

/** Longest key in a body, in characters: versions and names have some 250, the paths of `exports` and the names of attachments more. */
export const JSON_KEY_MAX = 4_096;

/** Longest number in a body, in characters: 17 digits and an exponent distinguish every double. */
export const JSON_NUMBER_MAX = 100;

/**
 * How long a body may take to arrive, in milliseconds, and how many of its bytes buy one more second. A body of `BODY_BYTES_MAX` has
 * nine minutes on a line of half a megabit a second, and one that stands still ends after half a minute. The rule is that of
 * Apache's mod_reqtimeout (`body=20,MinRate=500`).
 */
export const BODY_MS = 30_000;
export const BODY_BYTES_PER_SECOND = 64 * 1024;

/** How long a publish's tarball may take, in milliseconds, once the caller's right is known: 512 MiB on a line of a megabit a second. */
export const UPLOAD_MS = 60 * 60 * 1_000;

/**
 * Memory that all bodies may take which are not answered yet, in bytes: `parseStream` counts their text, and a price for each value.
 * An address may take half of it, and the largest packument (`PACKUMENT_BYTES_MAX`) some 60 MiB. A heap of 256 MiB survives all of it.
 */
export const HELD_BYTES_MAX = 128 * 1024 * 1024;

/** The same for callers without a token: some fifty audits of a thousand packages each. */
export const ANONYMOUS_HELD_BYTES_MAX = 8 * 1024 * 1024;

/**
 * What a value in a body takes in memory besides its text, in bytes. V8 gives an array to which a value is added a header, and room
 * for 17 values.
 */
export const JSON_VALUE_BYTES = 16;
export const JSON_CONTAINER_BYTES = 200;

/** Largest provenance bundle, in bytes: certificate, signature and statement; real ones have about 10 to 20 KB. */
export const PROVENANCE_BYTES_MAX = 512 * 1024;

/** Default of the largest tarball, in bytes. A server may be started with another. */
export const TARBALL_BYTES_MAX = 512 * 1024 * 1024;

/** Most bytes that a tarball may unpack to: stops a compression bomb from holding a core for minutes. */
export const UNPACKED_BYTES_MAX = 4 * 1024 * 1024 * 1024;

/**
 * How long a publish whose answer did not arrive is recognised when it is sent again, in milliseconds. npm sends it again within
 * two minutes, a CI job within some more.
 */
export const PUBLISH_RETRY_MS = 10 * 60_000;

/** Most such publishes that a process remembers, about 300 bytes each. */
export const PUBLISH_RETRIES_MAX = 10_000;

/** Bytes that any tarball may unpack to; above that, `UNPACKED_RATIO_MAX` applies too. About half a second of one thread. */
export const UNPACKED_FREE_BYTES = 256 * 1024 * 1024;

/** How many times its own size a large tarball may unpack to: text shrinks 3 to 50 times, a bomb of zeros a thousand. */
export const UNPACKED_RATIO_MAX = 100;

/** Most zeros after an archive's end, in bytes: tar fills its output up to records of this size (POSIX, pax, -b). */
export const TAR_PADDING_MAX = 10_240;

/**
 * Most characters in the paths of a tarball's entries and of the folders above them: memory holds each of them several times.
 * 50,000 files with long paths have half of it.
 */
export const TARBALL_PATHS_MAX = 8 * 1024 * 1024;

/** Most entries in a tarball. */
export const TARBALL_ENTRIES_MAX = 200_000;

/** How many applied changes index.json remembers: the window in which a repeated change id is recognised. Far more than a redelivered batch (10). */
export const APPLIED_RING = 256;

/**
 * Records in one object of the store's history. A record leaves index.json only after it is in such an object, and an object is
 * written when it is full: with `BATCH_MAX` more, all records still fit the ring, so that it does not grow.
 */
export const HISTORY_SEGMENT = 128;

/** Longest detail of a record inside index.json, in characters of JSON: some 15 moved tags. A ring of longer ones is 256 KiB. */
export const DETAIL_INLINE_MAX = 1_024;

/** Longest texts that say why a change was made, in characters. The ring holds 256 of them, and every reader of the package loads it. */
export const WHY_MAX = { command: 50, message: 300, run: 300 } as const;

/** Most entries in one answer of the history: some 50 KB. */
export const HISTORY_PAGE_MAX = 200;

/** Most history objects that one page reads while it looks for entries: each is one read of the store, one after the other. */
export const HISTORY_PAGE_SEGMENTS = 8;

/** Most history objects that a search for one change, or for the tags at a time, reads: 8,192 changes, within the time of a request. */
export const HISTORY_SEARCH_SEGMENTS = 64;

/** Most rules of a package, entries in a list of one, and the longest note. Each change of the tags is checked against all of them. */
export const TAG_RULES_MAX = 50;
export const TAG_RULE_LIST_MAX = 50;
export const TAG_RULE_TEXT_MAX = 200;

/** Most approvals that a package holds; the oldest give way. Each is about 100 bytes of index.json. */
export const APPROVALS_MAX = 100;

/** Days for which an approval counts: longer than a release is planned, so that nobody wakes an old one. */
export const APPROVAL_DAYS = 14;

/** Most staged versions of a package that wait for approval. Each is about 500 bytes of index.json; its manifest is elsewhere. */
export const STAGED_MAX = 20;

/** Days for which a staged version can be approved: longer than a review takes. */
export const STAGE_DAYS = 30;

/** Most groups of a sign-in provider that count for one person. A change carries them, so they are at most some 40 KB of a message. */
export const GROUPS_MAX = 250;
/** Longest name of such a group with its provider, in characters. */
export const GROUP_MAX = 160;

/** Web logins that may be begun in ten minutes, in all: each is a small object in the store, and anybody may begin one. */
export const LOGINS_MAX = 1_000;
/** The same from one address. An office shares one. */
export const LOGINS_ADDRESS_MAX = 60;

/** Unconfirmed events an index.json may hold before its consumer refuses to add more. Past this the event log has been down for many batches. */
export const OUTBOX_MAX = 1_000;

/** Most changes applied in one conditional write. SQS gives a Lambda at most 10 FIFO messages; the server on one machine uses the full batch. */
export const BATCH_MAX = 100;

/** How often a conditional write is retried after another writer won, before the batch is left to redelivery. */
export const WRITE_ATTEMPTS = 12;

/** How long a request waits for its change's outcome, in milliseconds, before the answer is 202. API Gateway times out at 30 s; npm later. */
export const WAIT_MS = 8_000;

/**
 * Receives of a message before SQS moves it to the dead-letter queue by itself. An outage must never get there: with the
 * consumer's longest pause of 15 minutes this is ten days, just under the 14 days for which SQS keeps a message. It is also
 * SQS's own maximum. Source: SQS API reference, SetQueueAttributes, RedrivePolicy.
 */
export const REDELIVERIES_MAX = 1_000;

/** Event data above this many characters of JSON is cut to its key fields: ten events fit one SNS batch of 256 KiB. */
export const EVENT_DATA_MAX = 24 * 1024;

/** Most packages of one release: each is two messages and two document writes, all within the time of one request. */
export const RELEASE_PACKAGES_MAX = 200;

/** How long a release waits until all of its packages are prepared, in milliseconds. API Gateway times out at 30 s. */
export const RELEASE_WAIT_MS = 15_000;

/**
 * How long a release may stay open, in milliseconds: then anybody aborts it. Longer than its sender waits. Changes of its packages
 * wait no longer than this.
 */
export const RELEASE_OPEN_MS = 60_000;

/** How long a consumer waits for the decision of a release that is about to be made, in milliseconds, and how often it looks. */
export const RELEASE_DECISION_MS = 1_000;
export const RELEASE_LOOK_MS = 25;

/**
 * What a summary in the search index keeps of a package: characters of a text or a link, keywords and the characters of one, and
 * stars. A manifest may have a mebibyte of each; 50,000 summaries of some 500 bytes are 25 MB.
 */
export const SUMMARY_MAX = { text: 500, keywords: 50, keyword: 100, stars: 1_000 } as const;

/** Most hits of ours that a search finds and counts. A person reads some twenty; each costs its caller's rights and a place in the order. */
export const SEARCH_HITS_MAX = 1_000;
