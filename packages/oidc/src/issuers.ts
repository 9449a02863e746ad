import type { WorkloadIssuer, WorkloadType } from "@codebox/core";

/** An issuer of ID tokens that is trusted to say who a CI job is. */
export type KnownIssuer = { readonly type: WorkloadType; readonly issuer: string };

/** CircleCI has one issuer for each organisation, below this URL. Source: CircleCI's documentation, "OpenID Connect tokens". */
const CIRCLECI = "https://oidc.circleci.com/org/";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The issuers whose tokens are read: GitHub Actions, gitlab.com and CircleCI, and those of the settings.
 *
 * An issuer of the settings with the type `github` or `gitlab` takes the place of the public one: the same repository name
 * means another repository on another host.
 * Sources: GitHub's and GitLab's documentation of OpenID Connect.
 */
export function findIssuer(configured: readonly WorkloadIssuer[]): (iss: string) => KnownIssuer | undefined {
  const defaults: readonly KnownIssuer[] = [
    { type: "github", issuer: "https://token.actions.githubusercontent.com" },
    { type: "gitlab", issuer: "https://gitlab.com" },
  ];
  const replaced = new Set(configured.map(({ type }) => type));
  const known = [...defaults.filter(({ type }) => !replaced.has(type)), ...configured];
  return (iss) => {
    const exact = known.find(({ issuer }) => issuer === iss);
    if (exact) return exact;
    const isCircle = !replaced.has("circleci") && iss.startsWith(CIRCLECI) && UUID.test(iss.slice(CIRCLECI.length));
    return isCircle ? { type: "circleci", issuer: iss } : undefined;
  };
}
