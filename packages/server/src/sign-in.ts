import { createSignIns, type SignIns, type WebLogin } from "@codebox/api";
import {
  createAccounts,
  createSessions,
  type Clock,
  type Ids,
  type LocalBackend,
  type SignInProvider,
} from "@codebox/core";
import { providerSettings } from "./provider-settings.ts";
import type { Settings } from "./settings.ts";

type SignInParts = {
  readonly backend: Pick<LocalBackend, "store" | "identities">;
  readonly clock: Clock;
  readonly ids: Ids;
  /** User names that nobody gets by a provider. */
  readonly reserved: readonly string[];
};

/**
 * How people sign in besides name and password in the terminal.
 *
 * With open registration and without a provider there is no web login: `npm login` makes accounts then, and a page makes none.
 *
 * @example const ports = { ...(await signInOf(parts, settings)) };
 */
export async function signInOf(
  { backend, clock, ids, reserved }: SignInParts,
  settings: Settings,
): Promise<{ readonly signIns: SignIns; readonly webLogin?: WebLogin }> {
  const { registration, admins } = settings;
  const providers = await providersOf(settings, clock);
  const accounts = createAccounts(backend, { reserved, configured: admins });
  const signIns = createSignIns({ providers, accounts, clock });
  if (registration === "open" && providers.length === 0) return { signIns };
  return { signIns, webLogin: { sessions: createSessions({ ...backend, clock, ids }), passwords: true } };
}

/** The client of a provider is loaded only where the provider is configured: most starts do without its memory. */
async function providersOf(settings: Settings, clock: Clock): Promise<readonly SignInProvider[]> {
  const { github, oidc } = providerSettings(settings);
  const providers: SignInProvider[] = [];
  if (github.ok && github.settings) {
    const { createGitHub } = await import("@codebox/github");
    providers.push(createGitHub(github.settings));
  }
  if (oidc.ok && oidc.settings) {
    const { createOidcSignIn } = await import("@codebox/oidc/sign-in");
    providers.push(createOidcSignIn({ settings: oidc.settings, clock }));
  }
  return providers;
}
