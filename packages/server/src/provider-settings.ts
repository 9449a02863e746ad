import { GITHUB_FIELDS, gitHubSettings, OIDC_FIELDS, oidcSettings } from "@codebox/core";
import { flags } from "./setting-kinds.ts";

/** The settings of sign-in at providers. */
export const PROVIDER_FIELDS = {
  githubClientId: GITHUB_FIELDS.clientId.register(flags, {
    flag: "--github-client-id <id>",
    help: "client id of the OAuth app at GitHub, by which people sign in",
  }),
  githubClientSecret: GITHUB_FIELDS.clientSecret.register(flags, { help: "its secret; no flag" }),
  githubOrgs: GITHUB_FIELDS.orgs.register(flags, {
    flag: "--github-orgs <a,b>",
    help: "organisations of GitHub whose members get in",
  }),
  githubUrl: GITHUB_FIELDS.url.register(flags, { flag: "--github-url <url>", help: "a GitHub Enterprise Server" }),
  githubApiUrl: GITHUB_FIELDS.apiUrl.register(flags, {
    flag: "--github-api-url <url>",
    help: "its API, where that is not below /api/v3",
  }),
  oidcIssuer: OIDC_FIELDS.issuer.register(flags, {
    flag: "--oidc-issuer <url>",
    help: "OpenID Connect provider at which people sign in",
  }),
  oidcClientId: OIDC_FIELDS.clientId.register(flags, { flag: "--oidc-client-id <id>", help: "client id there" }),
  oidcClientSecret: OIDC_FIELDS.clientSecret.register(flags, { help: "its secret; no flag" }),
  oidcLabel: OIDC_FIELDS.label.register(flags, { flag: "--oidc-label <text>", help: "its name on the button" }),
  oidcGroups: OIDC_FIELDS.groups.register(flags, {
    flag: "--oidc-groups <a,b>",
    help: "groups there whose members get in; *: everybody",
  }),
  oidcDomains: OIDC_FIELDS.domains.register(flags, {
    flag: "--oidc-domains <a,b>",
    help: "domains of the verified e-mail addresses that get in",
  }),
  oidcGroupsClaim: OIDC_FIELDS.groupsClaim.register(flags, {
    flag: "--oidc-groups-claim <name>",
    help: "claim that has the groups",
  }),
  oidcNameClaim: OIDC_FIELDS.nameClaim.register(flags, {
    flag: "--oidc-name-claim <name>",
    help: "claim that has the user's name",
  }),
  oidcScopes: OIDC_FIELDS.scopes.register(flags, { flag: "--oidc-scopes <text>", help: "scopes to ask for" }),
  oidcHours: OIDC_FIELDS.hours.register(flags, {
    flag: "--oidc-hours <n>",
    help: "hours until a token ends for which somebody signed in there",
  }),
} as const;

type Given = {
  readonly [Name in keyof Parameters<typeof gitHubSettings>[0] as `github${Capitalize<Name>}`]: Parameters<
    typeof gitHubSettings
  >[0][Name];
} & {
  readonly [Name in keyof Parameters<typeof oidcSettings>[0] as `oidc${Capitalize<Name>}`]: Parameters<
    typeof oidcSettings
  >[0][Name];
};

/** The settings of the sign-in providers. A provider that is half configured is a problem. */
export function providerSettings(given: Given) {
  return {
    github: gitHubSettings({
      clientId: given.githubClientId,
      clientSecret: given.githubClientSecret,
      orgs: given.githubOrgs,
      url: given.githubUrl,
      apiUrl: given.githubApiUrl,
    }),
    oidc: oidcSettings({
      issuer: given.oidcIssuer,
      clientId: given.oidcClientId,
      clientSecret: given.oidcClientSecret,
      label: given.oidcLabel,
      groups: given.oidcGroups,
      domains: given.oidcDomains,
      groupsClaim: given.oidcGroupsClaim,
      nameClaim: given.oidcNameClaim,
      scopes: given.oidcScopes,
      hours: given.oidcHours,
    }),
  };
}
