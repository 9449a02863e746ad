import { createSignIns, type SignIns, type WebLogin } from "@codebox/api";
import {
  createAccounts,
  createSessions,
  gitHubOf,
  oidcOf,
  type Clock,
  type IdentityProvider,
  type Ids,
  type ObjectStore,
} from "@codebox/core";
import { createGitHub } from "@codebox/github";
import { createOidcSignIn } from "@codebox/oidc";
import { EnvironmentError, type ApiEnvironment, type Environment } from "./environment.ts";

type Parts = {
  readonly store: ObjectStore;
  readonly identities: Pick<IdentityProvider, "find">;
  readonly clock: Clock;
  readonly ids: Ids;
};

/** Nobody configures users on AWS: rights name them. */
const NAMES = { reserved: [], configured: [] } as const;

/**
 * The providers for a function that reads or writes packages. It checks accounts again, and makes no users: its role may not.
 * What somebody's groups were at an OpenID Connect provider is in the token, so it has no secret of that provider.
 */
export function checksOf(env: ApiEnvironment, { store, identities, clock }: Omit<Parts, "ids">): SignIns {
  const accounts = createAccounts({ store, identities }, NAMES);
  const unasked = env.CODEBOX_OIDC_ISSUER === undefined ? [] : (["oidc"] as const);
  return createSignIns({ providers: gitHub(env), accounts, clock, makesUsers: false, unasked });
}

/** Signing in, for the function of accounts. There are no passwords, so without a provider there is no web login. */
export function signInOf(
  env: Environment<"account">,
  { store, identities, clock, ids }: Parts,
): { readonly signIns: SignIns; readonly webLogin?: WebLogin } {
  const oidc = oidcOf(env);
  if (!oidc.ok) throw new EnvironmentError(oidc.problem);
  const sso = oidc.settings ? [createOidcSignIn({ settings: oidc.settings, clock })] : [];
  const providers = [...gitHub(env), ...sso];
  const signIns = createSignIns({ providers, accounts: createAccounts({ store, identities }, NAMES), clock });
  if (providers.length === 0) return { signIns };
  return { signIns, webLogin: { sessions: createSessions({ store, clock, ids }), passwords: false } };
}

function gitHub(env: ApiEnvironment) {
  const github = gitHubOf(env);
  if (!github.ok) throw new EnvironmentError(github.problem);
  return github.settings ? [createGitHub(github.settings)] : [];
}
