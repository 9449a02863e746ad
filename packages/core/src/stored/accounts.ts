import * as z from "zod";
import { sha256Hex } from "../domain/digest.ts";
import { jsonIn } from "../domain/json.ts";
import { UserName } from "../domain/names.ts";
import { accountKey, accountNameKey } from "../layout.ts";
import type { IdentityProvider } from "../ports/identity.ts";
import { StoreUnavailable, type ObjectStore } from "../ports/object-store.ts";
import { PROVIDER_IDS, type ProviderAccount, type SignInProvider } from "../ports/sign-in.ts";
import { readObject } from "../write/update-object.ts";

const StoredAccount = z.object({ user: UserName });
const Claim = z.object({ provider: z.enum(PROVIDER_IDS), subject: z.string() });
type Claim = z.infer<typeof Claim>;

/** Which user an account of a provider is. */
export type Accounts = {
  /**
   * The user of an account. Its first sign-in makes one, with the account's name if that is nobody's, else with the subject behind
   * the name. Later only the subject counts: a renamed account stays the same user, and who gets its old name is another one.
   */
  bind(provider: Pick<SignInProvider, "id" | "ownsNames">, account: ProviderAccount): Promise<string>;
  /** The user of an account that signed in before. It writes nothing. */
  find(provider: Pick<SignInProvider, "id">, subject: string): Promise<string | undefined>;
  /** Whether a name belongs to an account of a provider. */
  isClaimed(name: string): Promise<boolean>;
};

/**
 * The bindings over an object store: one object for each account, one for each name.
 *
 * @example await accounts.bind(github, { subject: "583231", name: "alice", groups: [] }) // "alice"
 * @param settings.reserved names that no account gets, in any capitals.
 * @param settings.configured names to which the settings give rights: only a provider that owns its names may give them.
 */
export function createAccounts(
  { store, identities }: { readonly store: ObjectStore; readonly identities: Pick<IdentityProvider, "find"> },
  { reserved, configured }: { readonly reserved: readonly string[]; readonly configured: readonly string[] },
): Accounts {
  const claimOf = async (name: string): Promise<Claim | undefined> => {
    const found = await readObject(store, accountNameKey(name));
    return found && Claim.parse(jsonIn(found.bytes));
  };
  const find: Accounts["find"] = async ({ id }, subject) => {
    const known = await readObject(store, accountKey(id, subject));
    return known && StoredAccount.parse(jsonIn(known.bytes)).user;
  };
  const create = async (key: string, value: object): Promise<boolean> => {
    const options = { condition: { ifNoneMatch: "*" as const }, contentType: "application/json" };
    const written = await store.put(key, Buffer.from(JSON.stringify(value)), options);
    if (!written.ok && written.reason === "contended") throw new StoreUnavailable("the account is being written");
    return written.ok;
  };
  /** Gives a name to an account for good. `false`: it is somebody else's. */
  const claim = async (name: string, { provider, subject }: Claim): Promise<boolean> => {
    const known = await claimOf(name);
    if (known) return known.provider === provider && known.subject === subject;
    // `Alice` beside a local `alice` would be there to deceive.
    for (const spelling of new Set([name, name.toLowerCase()]))
      if ((await identities.find(spelling)) !== undefined) return false;
    if (await create(accountNameKey(name), { provider, subject })) return true;
    const winner = await claimOf(name);
    return winner?.provider === provider && winner.subject === subject;
  };
  return {
    find,
    isClaimed: async (name) => (await claimOf(name)) !== undefined,
    async bind(provider, { subject, name }) {
      const { id, ownsNames } = provider;
      const known = await find(provider, subject);
      if (known !== undefined) return known;
      const kept = new Set([...reserved, ...(ownsNames ? [] : configured)].map((one) => one.toLowerCase()));
      for (const candidate of namesFor(name, subject)) {
        if (kept.has(candidate.toLowerCase()) || !(await claim(candidate, { provider: id, subject }))) continue;
        await create(accountKey(id, subject), { user: candidate });
        // Another request of the same account may have come first.
        const bound = await find(provider, subject);
        if (bound !== undefined) return bound;
      }
      throw new StoreUnavailable("no name is free for this account");
    },
  };
}

/** Longest part of the provider's name, so that the subject fits behind it. */
const NAME_MAX = 40;

/** The names that an account may get, best first: its own, then those that nobody else's account can have. */
function* namesFor(name: string, subject: string): Iterable<string> {
  const cleaned = name
    .replace(/[^A-Za-z0-9_.@-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, NAME_MAX);
  const start = cleaned === "" ? "user" : cleaned;
  if (UserName.safeParse(name).success) yield name;
  const tail = /^[A-Za-z0-9]{1,20}$/.test(subject) ? subject : hashed(subject);
  yield `${start}-${tail}`;
  yield `${start}-${hashed(subject)}`;
}

/** Characters of a hash that name an account beside others of the same name. */
const HASH_CHARACTERS = 16;
const hashed = (subject: string) => sha256Hex(subject).slice(0, HASH_CHARACTERS);
