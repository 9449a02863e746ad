import { createHash } from "node:crypto";
import { areaOf, hashOfUserTokenKey, LAYOUT, messageKey, StoredToken, tokenKey, userTokenKey } from "@codebox/core";
import type { Area, ObjectInfo, ObjectStore } from "@codebox/core";
import { error, warning, type Finding } from "./finding.ts";

/** S3 removes what has expired within a day or two, not on the hour. */
const GRACE_DAYS = 2;
const DAY_MS = 86_400_000;

/** What is wrong with one of codebox's own objects: a token, or an object that expires (staged tarballs, messages, outcomes, the cache). */
export async function ownObjectFindings(
  store: ObjectStore,
  object: ObjectInfo,
  { now, deep }: { readonly now: Date; readonly deep: boolean },
): Promise<readonly Finding[]> {
  const { key } = object;
  const area = areaOf(key);
  if (!area)
    return [
      warning(
        "object-unknown",
        key,
        "it is none of codebox's objects",
        "find out who writes there; nobody else should",
      ),
    ];
  const listed = hashOfUserTokenKey(key);
  if (listed !== undefined) return leftoverEntry(store, key, listed);
  if (area === LAYOUT.tokens) return tokenFindings(store, key);
  const damaged = deep && area === LAYOUT.messages ? await messageFindings(store, key) : [];
  return [...expired(object, area, now), ...damaged];
}

function expired({ key, modified }: ObjectInfo, { prefix, days }: Area, now: Date): readonly Finding[] {
  const age = Math.floor((now.getTime() - modified.getTime()) / DAY_MS);
  if (days === undefined || age <= days + GRACE_DAYS) return [];
  const fix = `a lifecycle rule expires ${prefix} after ${days} days; add it, or delete what is older`;
  return [warning("object-expired", key, `it is ${age} days old, and no change can name it any more`, fix)];
}

async function tokenFindings(store: ObjectStore, key: string): Promise<readonly Finding[]> {
  const found = await store.get(key);
  if (found?.notModified !== false) return [];
  const hash = key.slice(tokenKey("").length);
  const record = parseToken(found.bytes);
  if (!record)
    return [
      error(
        "token-damaged",
        key,
        "it is no token's record; its holder is refused",
        "delete it, and make another with codebox token add",
      ),
    ];
  if (record.hash !== hash)
    return [
      error(
        "token-hash",
        key,
        `it holds the record of the token ${record.hash.slice(0, 12)}…`,
        `codebox token revoke ${hash.slice(0, 12)}`,
      ),
    ];
  if (await store.head(userTokenKey(record.user, hash))) return [];
  const fix = `codebox token revoke ${hash.slice(0, 12)}, or put an empty object at ${userTokenKey(record.user, hash)}`;
  return [warning("token-leftover", key, `it is not listed among the tokens of ${record.user}`, fix)];
}

function parseToken(bytes: Uint8Array) {
  try {
    return StoredToken.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

async function leftoverEntry(store: ObjectStore, key: string, hash: string): Promise<readonly Finding[]> {
  if (await store.head(tokenKey(hash))) return [];
  return [
    warning("token-leftover", key, "its token was removed, or never finished", "delete the object; it lets nobody in"),
  ];
}

async function messageFindings(store: ObjectStore, key: string): Promise<readonly Finding[]> {
  const open = await store.open(key);
  if (!open) return [];
  const hash = createHash("sha256");
  for await (const chunk of open.body) hash.update(chunk);
  const digest = hash.digest("hex");
  if (key === messageKey(digest)) return [];
  return [
    error(
      "object-digest",
      key,
      `its bytes have the sha256 ${digest}`,
      "its change goes to the dead letters; send it again",
    ),
  ];
}
