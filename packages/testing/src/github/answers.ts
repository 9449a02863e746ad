import type { components, operations } from "@octokit/openapi-types";

type Body<Operation extends keyof operations, Status extends number> = operations[Operation] extends {
  readonly responses: { readonly [status in Status]: { content: { "application/json": infer Json } } };
}
  ? Json
  : never;

/** Who somebody is at the fake GitHub. `orgs`: `acme` → the state of the membership. `teams`: `acme/platform`. */
export type GitHubUser = {
  readonly id: number;
  login: string;
  orgs: Readonly<Record<string, "active" | "pending">>;
  teams: readonly string[];
};

/*
 * The answers have the types of GitHub's published OpenAPI description: an answer that does not match it does not compile.
 */

/** `GET /user` */
export function userAnswer(api: string, user: GitHubUser): Body<"users/get-authenticated", 200> {
  return {
    ...simpleUser(api, user),
    user_view_type: "public",
    name: null,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: CREATED,
    updated_at: CREATED,
  };
}

/** `GET /user/memberships/orgs/{org}` */
export function membershipAnswer(
  api: string,
  user: GitHubUser,
  org: string,
  state: "active" | "pending",
): Body<"orgs/get-membership-for-authenticated-user", 200> {
  const url = `${api}/orgs/${org}`;
  return {
    url: `${url}/memberships/${user.login}`,
    state,
    role: "member",
    organization_url: url,
    organization: { ...organization(api, org) },
    user: simpleUser(api, user),
  };
}

/** `GET /user/teams` */
export function teamsAnswer(api: string, user: GitHubUser): Body<"teams/list-for-authenticated-user", 200> {
  return user.teams.map((team, index) => {
    const [org = "", slug = ""] = team.split("/");
    const url = `${api}/orgs/${org}/teams/${slug}`;
    return {
      id: index + 1,
      node_id: `T_${index}`,
      url,
      html_url: url,
      name: slug,
      slug: slug.toLowerCase(),
      description: null,
      permission: "pull",
      members_url: `${url}/members{/member}`,
      repositories_url: `${url}/repos`,
      type: "organization",
      members_count: 1,
      repos_count: 0,
      created_at: CREATED,
      updated_at: CREATED,
      organization: {
        ...organization(api, org),
        html_url: `${api}/${org}`,
        has_organization_projects: false,
        has_repository_projects: false,
        public_repos: 0,
        public_gists: 0,
        followers: 0,
        following: 0,
        type: "Organization",
        created_at: CREATED,
        updated_at: CREATED,
        archived_at: null,
      },
    };
  });
}

/** `POST /applications/{client_id}/token` */
export function authorizationAnswer(
  api: string,
  user: GitHubUser,
  app: { readonly token: string; readonly clientId: string },
): Body<"apps/check-token", 200> {
  return {
    id: 1,
    url: `${api}/authorizations/1`,
    scopes: ["read:org"],
    token: app.token,
    token_last_eight: app.token.slice(-8),
    hashed_token: "",
    app: { client_id: app.clientId, name: "codebox", url: api },
    note: null,
    note_url: null,
    updated_at: CREATED,
    created_at: CREATED,
    fingerprint: null,
    expires_at: null,
    user: simpleUser(api, user),
  };
}

const CREATED = "2020-01-01T00:00:00Z";

function simpleUser(api: string, { id, login }: GitHubUser): components["schemas"]["simple-user"] {
  const url = `${api}/users/${login}`;
  return {
    login,
    id,
    node_id: `U_${id}`,
    avatar_url: `${url}/avatar`,
    gravatar_id: "",
    url,
    html_url: url,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: "User",
    site_admin: false,
  };
}

function organization(api: string, org: string): components["schemas"]["organization-simple"] {
  const url = `${api}/orgs/${org}`;
  return {
    login: org,
    id: 1,
    node_id: "O_1",
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${url}/avatar`,
    description: null,
  };
}
