import { createSignIns, type SignIns, type WebLogin } from "@codebox/api";
import {
  createAccounts,
  createSessions,
  type Clock,
  type Ids,
  type LocalBackend,
  type SignInProvider,
} from "@codebox/core";
import { createGitHub } from "@codebox/github";
import { createOidcSignIn } from "@codebox/oidc";
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
 * @example const ports = { ...signInOf(parts, settings) };
 */
export function signInOf(
  { backend, clock, ids, reserved }: SignInParts,
  settings: Settings,
): { readonly signIns: SignIns; readonly webLogin?: WebLogin } {
  const { registration, admins } = settings;
  const providers = providersOf(settings, clock);
  const accounts = createAccounts(backend, { reserved, configured: admins });
  const signIns = createSignIns({ providers, accounts, clock });
  if (registration === "open" && providers.length === 0) return { signIns };
  return { signIns, webLogin: { sessions: createSessions({ ...backend, clock, ids }), passwords: true } };
}

function providersOf(settings: Settings, clock: Clock): readonly SignInProvider[] {
  const { github, oidc } = providerSettings(settings);
  return [
    ...(github.ok && github.settings ? [createGitHub(github.settings)] : []),
    ...(oidc.ok && oidc.settings ? [createOidcSignIn({ settings: oidc.settings, clock })] : []),
  ];
}
