import { gitHubSettings, oidcSettings } from "@codebox/core";

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
