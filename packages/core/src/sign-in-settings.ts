import * as z from "zod";
import { BearerToken, commaList, HttpUrl, isSecureUrl, PublicUrl } from "./settings.ts";

/** Hours. The default life of a token for which somebody signed in at an OpenID Connect provider: a working day. */
const OIDC_HOURS = 12;
/** Hours. Groups are as they were at the sign-in, so a token must not keep them for months. */
const OIDC_HOURS_MAX = 30 * 24;

const Text = z.string().min(1, "must not be empty").max(200, "must have at most 200 characters");
const SecureUrl = PublicUrl.refine(isSecureUrl, "must be an https URL");

/**
 * Sign-in at GitHub, one field for each variable: that of `clientId` is `CODEBOX_GITHUB_CLIENT_ID`. The server, the functions and the
 * stacks read them with these.
 */
export const GITHUB_FIELDS = {
  clientId: Text.optional(),
  clientSecret: BearerToken.optional(),
  orgs: commaList(z.string().regex(/^[A-Za-z0-9-]{1,39}$/, "must list organisations of GitHub, such as acme")).prefault(
    "",
  ),
  /** GitHub, or the URL of a GitHub Enterprise Server. */
  url: SecureUrl.default("https://github.com"),
  /** Default: api.github.com, or `/api/v3` of the GitHub Enterprise Server. */
  apiUrl: SecureUrl.optional(),
} as const;

/** Sign-in at an OpenID Connect provider: the variable of `clientId` is `CODEBOX_OIDC_CLIENT_ID`. */
export const OIDC_FIELDS = {
  issuer: HttpUrl.refine(isSecureUrl, "must be an https URL").optional(),
  clientId: Text.optional(),
  clientSecret: BearerToken.optional(),
  label: Text.default("single sign-on"),
  /** `*`: everybody whom the provider lets in. */
  groups: commaList(z.string().max(150)).prefault(""),
  domains: commaList(z.string().regex(/^[A-Za-z0-9.-]+$/, "must list domains, such as acme.example")).prefault(""),
  groupsClaim: Text.default("groups"),
  nameClaim: Text.default("preferred_username"),
  scopes: z
    .string()
    .regex(/^openid( [\x21-\x7e]+)*$/, 'must begin with "openid", with spaces between')
    .default("openid profile email"),
  hours: z.coerce.number("must be a number of hours").int().min(1).max(OIDC_HOURS_MAX).default(OIDC_HOURS),
} as const;

type Values<Fields extends z.ZodRawShape> = z.infer<z.ZodObject<Fields>>;
type GitHubValues = Values<typeof GITHUB_FIELDS>;
type OidcValues = Values<typeof OIDC_FIELDS>;

/** What is configured, or what is missing. Absent `settings`: nobody signs in there. */
type Configured<Settings> =
  | { readonly ok: true; readonly settings?: Settings }
  | { readonly ok: false; readonly problem: string };

/** @example gitHubSettings({ clientId: "Ov23…", clientSecret, orgs: ["acme"], url: "https://github.com" }) */
export function gitHubSettings({ clientId, clientSecret, orgs, url, apiUrl }: GitHubValues): Configured<{
  readonly clientId: string;
  readonly clientSecret: string;
  readonly orgs: readonly string[];
  readonly webUrl: string;
  readonly apiUrl: string;
}> {
  if (clientId === undefined) return { ok: true };
  if (clientSecret === undefined) return { ok: false, problem: "CODEBOX_GITHUB_CLIENT_SECRET is missing" };
  // Without one, everybody who has an account at GitHub would get in.
  if (orgs.length === 0)
    return { ok: false, problem: "CODEBOX_GITHUB_ORGS must list the organisations whose members get in" };
  const api = apiUrl ?? (url === "https://github.com" ? "https://api.github.com" : `${url}/api/v3`);
  return { ok: true, settings: { clientId, clientSecret, orgs, webUrl: url, apiUrl: api } };
}

/** The settings of an OpenID Connect provider, complete. */
export type OidcSettings = OidcValues & {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
};

/** @example oidcSettings({ issuer: "https://acme.okta.example", clientId, clientSecret, groups: ["registry"], … }) */
export function oidcSettings(given: OidcValues): Configured<OidcSettings> {
  const { issuer, clientId, clientSecret, groups, domains } = given;
  if (issuer === undefined) return { ok: true };
  if (clientId === undefined) return { ok: false, problem: "CODEBOX_OIDC_CLIENT_ID is missing" };
  if (clientSecret === undefined) return { ok: false, problem: "CODEBOX_OIDC_CLIENT_SECRET is missing" };
  // At Google, for example, everybody has an account.
  if (groups.length === 0 && domains.length === 0)
    return {
      ok: false,
      problem: "CODEBOX_OIDC_GROUPS or CODEBOX_OIDC_DOMAINS must say who gets in; the group * is everybody",
    };
  return { ok: true, settings: { ...given, issuer, clientId, clientSecret } };
}

/** The same fields by their variables, as the functions on AWS and the stacks read them. */
export const GITHUB_VARIABLES = {
  CODEBOX_GITHUB_CLIENT_ID: GITHUB_FIELDS.clientId,
  CODEBOX_GITHUB_CLIENT_SECRET: GITHUB_FIELDS.clientSecret,
  CODEBOX_GITHUB_ORGS: GITHUB_FIELDS.orgs,
  CODEBOX_GITHUB_URL: GITHUB_FIELDS.url,
  CODEBOX_GITHUB_API_URL: GITHUB_FIELDS.apiUrl,
} as const;
export const OIDC_VARIABLES = {
  CODEBOX_OIDC_ISSUER: OIDC_FIELDS.issuer,
  CODEBOX_OIDC_CLIENT_ID: OIDC_FIELDS.clientId,
  CODEBOX_OIDC_CLIENT_SECRET: OIDC_FIELDS.clientSecret,
  CODEBOX_OIDC_LABEL: OIDC_FIELDS.label,
  CODEBOX_OIDC_GROUPS: OIDC_FIELDS.groups,
  CODEBOX_OIDC_DOMAINS: OIDC_FIELDS.domains,
  CODEBOX_OIDC_GROUPS_CLAIM: OIDC_FIELDS.groupsClaim,
  CODEBOX_OIDC_NAME_CLAIM: OIDC_FIELDS.nameClaim,
  CODEBOX_OIDC_SCOPES: OIDC_FIELDS.scopes,
  CODEBOX_OIDC_HOURS: OIDC_FIELDS.hours,
} as const;

/** @example gitHubOf(environment) // { ok: true, settings: { clientId: "Ov23…", … } } */
export function gitHubOf(env: Values<typeof GITHUB_VARIABLES>): ReturnType<typeof gitHubSettings> {
  return gitHubSettings({
    clientId: env.CODEBOX_GITHUB_CLIENT_ID,
    clientSecret: env.CODEBOX_GITHUB_CLIENT_SECRET,
    orgs: env.CODEBOX_GITHUB_ORGS,
    url: env.CODEBOX_GITHUB_URL,
    apiUrl: env.CODEBOX_GITHUB_API_URL,
  });
}

export function oidcOf(env: Values<typeof OIDC_VARIABLES>): ReturnType<typeof oidcSettings> {
  return oidcSettings({
    issuer: env.CODEBOX_OIDC_ISSUER,
    clientId: env.CODEBOX_OIDC_CLIENT_ID,
    clientSecret: env.CODEBOX_OIDC_CLIENT_SECRET,
    label: env.CODEBOX_OIDC_LABEL,
    groups: env.CODEBOX_OIDC_GROUPS,
    domains: env.CODEBOX_OIDC_DOMAINS,
    groupsClaim: env.CODEBOX_OIDC_GROUPS_CLAIM,
    nameClaim: env.CODEBOX_OIDC_NAME_CLAIM,
    scopes: env.CODEBOX_OIDC_SCOPES,
    hours: env.CODEBOX_OIDC_HOURS,
  });
}
