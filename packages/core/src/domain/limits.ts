/**
 * Every limit of the registry, as a named constant with its reason.
 *
 * A limit is enforced where data enters; what exceeds it is rejected with a message that names the limit.
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

/** Longest deprecation message, in characters. It is repeated in every abbreviated packument. */
export const DEPRECATION_MAX = 1_024;

/** Longest change id, in characters: SQS's limit on MessageDeduplicationId. Source: SQS quotas, messages. */
export const CHANGE_ID_MAX = 128;

/** Largest version manifest, in bytes of JSON, readme left out. Rejecting here is kinder than an index.json nobody can load. */
export const MANIFEST_BYTES_MAX = 1024 * 1024;

/** Longest readme kept, in characters; a longer one is cut, as npm's own registry does. */
export const README_MAX = 64 * 1024;

/**
 * Largest JSON in a request body, in bytes, a publish's tarball left out: a whole packument of 10,000 versions, sent back by
 * deprecate and unpublish, fits. A publish has the same limit: until its last byte it may turn out to be a deprecate.
 */
export const BODY_BYTES_MAX = 32 * 1024 * 1024;

/** Largest provenance bundle, in bytes: certificate, signature and statement; real ones have some 10 to 20 KB. */
export const PROVENANCE_BYTES_MAX = 512 * 1024;

/** Default of the largest tarball, in bytes. A server may be started with another. */
export const TARBALL_BYTES_MAX = 512 * 1024 * 1024;

/** Most bytes that a tarball may unpack to: stops a compression bomb from holding a core for minutes. */
export const UNPACKED_BYTES_MAX = 4 * 1024 * 1024 * 1024;

/** So many bytes any tarball may unpack to; above that `UNPACKED_RATIO_MAX` counts too. Half a second of one thread. */
export const UNPACKED_FREE_BYTES = 256 * 1024 * 1024;

/** How many times its own size a large tarball may unpack to: text shrinks 3 to 50 times, a bomb of zeros a thousand. */
export const UNPACKED_RATIO_MAX = 100;

/** Most zeros behind an archive's end, in bytes: tar fills its output up to records of this size (POSIX, pax, -b). */
export const TAR_PADDING_MAX = 10_240;

/** Most entries in a tarball. */
export const TARBALL_ENTRIES_MAX = 200_000;

/** How many applied changes index.json remembers: the window in which a repeated change id is recognised. Far more than a redelivered batch (10). */
export const APPLIED_RING = 256;

/** Unconfirmed events an index.json may hold before its consumer refuses to add more. Past this the event log has been down for many batches. */
export const OUTBOX_MAX = 1_000;

/** Most changes applied in one conditional write. SQS hands a Lambda at most 10 FIFO messages; an embedded server uses all of it. */
export const BATCH_MAX = 100;

/** How often a conditional write is tried again after another writer won, before the batch is left to redelivery. */
export const WRITE_ATTEMPTS = 12;

/** How long an answer waits for its change's outcome, in milliseconds, before it becomes a 202. API Gateway gives up at 30 s; npm's own patience is longer. */
export const WAIT_MS = 8_000;

/** Redeliveries of a change before it goes to the dead letters. */
export const RECEIVES_MAX = 8;

/**
 * Receives of a message before SQS moves it to the dead-letter queue by itself. An outage must never get there: with the
 * consumer's longest pause of 15 minutes this is ten days, just under the 14 days for which SQS keeps a message. It is also
 * SQS's own maximum. Source: SQS API reference, SetQueueAttributes, RedrivePolicy.
 */
export const REDELIVERIES_MAX = 1_000;

/** Event data above this many characters of JSON is cut to its key fields: ten events fit one SNS batch of 256 KiB. */
export const EVENT_DATA_MAX = 24 * 1024;
