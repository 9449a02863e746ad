import {
  ageOf,
  GROUPS_MAX,
  hashToken,
  IdentityUnavailable,
  ProviderGroup,
  unseal,
  type Accounts,
  type Clock,
  type FoundAccount,
  type ProviderAccount,
  type ProviderId,
  type SignInProvider,
  type TokenRecord,
  type TokenSignIn,
} from "@codebox/core";
import { LRUCache } from "lru-cache";

/** How long a provider's answer about an account is used, in milliseconds: how long a removed member still gets in. */
const CHECKED_MS = 5 * 60 * 1000;
/** The same for a refusal: somebody who was just added to an organisation tries again. */
const REFUSED_MS = 30 * 1000;
/** For how long an account that was checked goes on while its provider does not answer, in milliseconds. */
const OUTAGE_MS = 60 * 60 * 1000;
/** A provider that did not answer is asked again after so many milliseconds. Until then nobody waits for it. */
const DOWN_MS = 15_000;
/** Accounts whose answers are kept. */
const CHECKED_MAX = 10_000;

/** A user who was let in by a provider. `groups`: as rights name them. */
type Admitted = { readonly name: string; readonly groups: readonly string[] };

/** Everything that the HTTP surface does with sign-in providers. */
export type SignIns = {
  readonly providers: readonly SignInProvider[];
  find(id: string): SignInProvider | undefined;
  /** The user of an account that just signed in. `found` says so in a session or a token, without the provider's token. */
  admit(provider: SignInProvider, account: ProviderAccount): Promise<Admitted & { readonly found: FoundAccount }>;
  /** Whether a text looks like a token of a provider. */
  recognises(token: string): boolean;
  /** Whose token of a provider this is; `undefined`: nobody's who may get in. @throws IdentityUnavailable */
  byToken(
    token: string,
  ): Promise<(Admitted & { readonly account: ProviderAccount; readonly found: FoundAccount }) | undefined>;
  /** The groups of the user of a token of ours, now; `undefined`: the provider does not let the user in any more. @throws IdentityUnavailable */
  groupsOf(record: SignedIn, token: string): Promise<readonly string[] | undefined>;
  /** Revokes what a provider issued for this token: a token of ours, or the provider's own. */
  end(token: string, signIn?: TokenSignIn): Promise<void>;
  isClaimed: Accounts["isClaimed"];
};
type SignedIn = Pick<TokenRecord, "created"> & { readonly signIn: TokenSignIn };

/** What a provider said of one of its tokens. Absent `account`: no access. */
type Checked = { readonly account?: ProviderAccount; readonly at: number };

/**
 * Opens the sign-in providers of a registry.
 *
 * An account is checked again when the last answer is older than `CHECKED_MS`. While the provider does not answer, an account that
 * was checked within `OUTAGE_MS` goes on with the groups that it had; any other is answered with `IdentityUnavailable`.
 *
 * @example const signIns = createSignIns({ providers: [github], accounts, clock });
 * @param parts.makesUsers whether the first use of a provider's token makes its user. Else that account signs in elsewhere first.
 * @param parts.unasked providers whose sign-ins count here, with the groups in the token, though nobody signs in here. Default: none.
 */
export function createSignIns({
  providers,
  accounts,
  clock,
  makesUsers = true,
  unasked = [],
}: {
  readonly providers: readonly SignInProvider[];
  readonly accounts: Accounts;
  readonly clock: Pick<Clock, "now">;
  readonly makesUsers?: boolean;
  readonly unasked?: readonly ProviderId[];
}): SignIns {
  const { check, forget } = createChecks(clock);
  const find = (id: string) => providers.find((provider) => provider.id === id);
  const admitted = (name: string, { id }: SignInProvider, account: ProviderAccount) => {
    const groups = groupNames(id, account.groups);
    return { name, groups, found: { provider: id, subject: account.subject, groups } };
  };
  const providerOf = (token: string) => providers.find((provider) => provider.recognises?.(token));
  return {
    providers,
    find,
    isClaimed: accounts.isClaimed,
    recognises: (token) => providerOf(token) !== undefined,
    admit: async (provider, account) => admitted(await accounts.bind(provider, account), provider, account),
    async byToken(token) {
      const provider = providerOf(token);
      if (!provider) return undefined;
      const { account } = await check(provider, token);
      if (!account) return undefined;
      const name = makesUsers ? await accounts.bind(provider, account) : await accounts.find(provider, account.subject);
      return name === undefined ? undefined : { ...admitted(name, provider, account), account };
    },
    async groupsOf({ signIn, created }, token) {
      const provider = find(signIn.provider);
      if (unasked.includes(signIn.provider) || (provider && !provider.check)) return signIn.groups;
      if (!provider) return undefined;
      const theirs = signIn.sealed === undefined ? undefined : unseal(token, signIn.sealed);
      if (theirs === undefined) return undefined;
      const { subject } = signIn;
      const groups = signIn.groups.map((group) => group.slice(provider.id.length + 1));
      // oxlint-disable-next-line no-restricted-globals -- parses a recorded time; no clock is read
      const before = { account: { subject, name: "", groups }, at: Date.parse(created) };
      const { account } = await check(provider, theirs, before);
      return account?.subject === subject ? groupNames(provider.id, account.groups) : undefined;
    },
    async end(token, signIn) {
      const provider = signIn ? find(signIn.provider) : providerOf(token);
      const theirs = signIn ? signIn.sealed && unseal(token, signIn.sealed) : token;
      if (!provider || !theirs) return;
      forget(theirs);
      await provider.revoke?.(theirs);
    },
  };
}

/** Asks providers about their tokens, and keeps the answers for a while. */
function createChecks(clock: Pick<Clock, "now">) {
  const now = () => clock.now().getTime();
  const known = new LRUCache<string, Checked>({ max: CHECKED_MAX });
  const underWay = new Map<string, Promise<Checked>>();
  const downSince = new Map<ProviderId, number>();

  const ask = async (provider: SignInProvider, key: string, token: string): Promise<Checked> => {
    const down = downSince.get(provider.id);
    if (down !== undefined && ageOf(down, clock.now()) < DOWN_MS) throw unavailable(provider);
    try {
      const result = await provider.check?.(token);
      const checked = { at: now(), ...(result?.ok ? { account: result.account } : {}) };
      downSince.delete(provider.id);
      known.set(key, checked);
      return checked;
    } catch (error) {
      if (error instanceof IdentityUnavailable) downSince.set(provider.id, now());
      throw error;
    }
  };
  /** `before`: what is known of the account from elsewhere. */
  const check = async (provider: SignInProvider, token: string, before?: Checked): Promise<Checked> => {
    const key = hashToken(token);
    const last = known.get(key) ?? before;
    const lifetime = last?.account ? CHECKED_MS : REFUSED_MS;
    if (last && last !== before && ageOf(last.at, clock.now()) < lifetime) return last;
    const pending = underWay.get(key) ?? ask(provider, key, token).finally(() => underWay.delete(key));
    underWay.set(key, pending);
    try {
      return await pending;
    } catch (error) {
      const goesOn = last?.account !== undefined && ageOf(last.at, clock.now()) < OUTAGE_MS;
      if (error instanceof IdentityUnavailable && goesOn) return last;
      throw error;
    }
  };
  return { check, forget: (token: string) => void known.delete(hashToken(token)) };
}

/** What is no name of a group is left out: rights cannot name it. */
function groupNames(provider: ProviderId, groups: readonly string[]): readonly string[] {
  const names = groups.map((group) => `${provider}:${group}`);
  return names.filter((name) => ProviderGroup.safeParse(name).success).slice(0, GROUPS_MAX);
}

function unavailable({ label }: SignInProvider): IdentityUnavailable {
  return new IdentityUnavailable(`${label} does not answer, so it cannot say who you are; try again in a moment`);
}
