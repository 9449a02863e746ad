import { jsonIn } from "../domain/json.ts";
import * as z from "zod";
import { hashToken } from "../access/tokens.ts";
import { TRUST_PERMISSIONS } from "../access/trust.ts";
import { LAYOUT, tokenKey, tokenUseKey, userTokenKey, userTokensPrefix } from "../layout.ts";
import type { IdentityProvider } from "../ports/identity.ts";
import type { ListedToken, TokenRecord, TokenStore } from "../ports/tokens.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { PROVIDER_IDS } from "../ports/sign-in.ts";
import { WORKLOAD_TYPES } from "../ports/workloads.ts";
import { pages } from "../read/pages.ts";

/** SHA-256 in hex: anything else names no token. */
const HASH = /^[0-9a-f]{64}$/;

/** A token's record as stored. */
export const StoredToken = z.object({
  hash: z.string().regex(HASH),
  user: z.string(),
  readonly: z.boolean(),
  stageOnly: z.boolean().exactOptional(),
  noPackages: z.boolean().exactOptional(),
  label: z.string(),
  description: z.string().exactOptional(),
  created: z.string(),
  expires: z.string().exactOptional(),
  packages: z.array(z.string()).exactOptional(),
  scopes: z.array(z.string()).exactOptional(),
  cidr: z.array(z.string()).exactOptional(),
  signIn: z
    .object({
      provider: z.enum(PROVIDER_IDS),
      subject: z.string(),
      groups: z.array(z.string()),
      sealed: z.string().exactOptional(),
    })
    .exactOptional(),
  workload: z
    .object({ type: z.enum(WORKLOAD_TYPES), rule: z.string(), permissions: z.array(z.enum(TRUST_PERMISSIONS)) })
    .exactOptional(),
});

/**
 * The `TokenStore` port over an object store. A token's record is stored under its hash; a second, empty object under its user
 * makes the tokens of a user listable. The day of the last use is an object of its own: who may write it can make no token, and
 * recording it never brings a removed token back. Every request reads its token from the store, so a revoked token is refused at once.
 *
 * @example const token = await issueToken({ tokens: createTokenStore(store), ids }, grant);
 */
export function createTokenStore(store: ObjectStore): TokenStore {
  const find = async (hash: string): Promise<TokenRecord | undefined> => {
    if (!HASH.test(hash)) return undefined;
    const found = await store.get(tokenKey(hash));
    return found?.notModified === false ? StoredToken.parse(jsonIn(found.bytes)) : undefined;
  };
  const listed = async (hash: string): Promise<ListedToken | undefined> => {
    const [record, use] = await Promise.all([find(hash), store.get(tokenUseKey(hash))]);
    const lastUsed = use?.notModified === false ? Buffer.from(use.bytes).toString("utf8") : undefined;
    return record && { ...record, ...(lastUsed === undefined ? {} : { lastUsed }) };
  };
  const all = async (hashes: readonly string[]) => (await Promise.all(hashes.map(listed))).flatMap((one) => one ?? []);
  return {
    find,
    async put(record) {
      if (!HASH.test(record.hash)) throw new TypeError(`a token is stored under its hash; see ${hashToken.name}`);
      // The user's entry first: a crash between the two leaves a name without a token, never a token that nobody can find.
      await store.put(userTokenKey(record.user, record.hash), new Uint8Array());
      await store.put(tokenKey(record.hash), Buffer.from(JSON.stringify(record)), { contentType: "application/json" });
    },
    async list(user) {
      const hashes: string[] = [];
      for await (const { objects } of pages(store, userTokensPrefix(user)))
        hashes.push(...objects.map(({ key }) => key.slice(userTokensPrefix(user).length)));
      return (await all(hashes)).toSorted((a, b) => (a.created < b.created ? -1 : 1));
    },
    async page({ prefix = "", cursor } = {}) {
      const page = await store.list(tokenKey(prefix), cursor);
      const hashes = page.objects
        .map(({ key }) => key.slice(LAYOUT.tokens.prefix.length))
        .filter((hash) => HASH.test(hash));
      return { tokens: await all(hashes), ...(page.cursor === undefined ? {} : { cursor: page.cursor }) };
    },
    async used(hash, day) {
      await store.put(tokenUseKey(hash), Buffer.from(day), { contentType: "text/plain" });
    },
    async remove(hash) {
      const record = await find(hash);
      if (!record) return false;
      await store.delete(tokenKey(hash));
      await store.delete(userTokenKey(record.user, hash));
      await store.delete(tokenUseKey(hash));
      return true;
    },
    isEmpty: async () => (await store.list(LAYOUT.tokens.prefix)).objects.length === 0,
  };
}

/** A user is a name that has a token. There are no passwords; the operator's command creates tokens. */
export function createTokenIdentities(tokens: TokenStore): IdentityProvider {
  return {
    login: async () => ({ ok: false, reason: "not_supported" }),
    verify: async () => ({ ok: false, reason: "not_supported" }),
    async find(name) {
      const [held] = await tokens.list(name);
      return held && { name, email: "" };
    },
  };
}
