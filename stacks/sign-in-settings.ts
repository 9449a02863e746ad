import type { z } from "zod";
import { GITHUB_VARIABLES, gitHubOf, OIDC_VARIABLES, oidcOf } from "../packages/core/src/sign-in-settings.ts";

const { CODEBOX_GITHUB_CLIENT_SECRET: _github, ...github } = GITHUB_VARIABLES;
const { CODEBOX_OIDC_CLIENT_SECRET: _oidc, ...oidc } = OIDC_VARIABLES;

/** Where people sign in, as an operator sets it. The secrets are secrets of the stage. */
export const SIGN_IN_VARIABLES = { ...github, ...oidc } as const;
type Env = z.infer<z.ZodObject<typeof SIGN_IN_VARIABLES>>;

/** The variables that were given, as they were given: the functions read them again. */
export type SignInVariables = {
  readonly github: Readonly<Record<string, string>>;
  readonly oidc: Readonly<Record<string, string>>;
};

/** Set by the deployment from a secret. */
const SECRET = "a-secret-of-the-stage";

/** The variables of the functions, and what is wrong with them together. */
export function signInOf(
  given: Readonly<Record<string, string | undefined>>,
  env: Env,
): { readonly variables: SignInVariables; readonly problems: readonly string[] } {
  const configured = [
    gitHubOf({ ...env, CODEBOX_GITHUB_CLIENT_SECRET: SECRET }),
    oidcOf({ ...env, CODEBOX_OIDC_CLIENT_SECRET: SECRET }),
  ];
  const among = (names: object) =>
    Object.fromEntries(
      Object.entries(given).flatMap(([name, value]) => (name in names && value ? [[name, value]] : [])),
    );
  return {
    variables: { github: among(github), oidc: among(oidc) },
    problems: configured.flatMap((one) => (one.ok ? [] : [one.problem])),
  };
}
