import { createHash } from "node:crypto";
import {
  IdentityUnavailable,
  type ProviderAccount,
  type SignInProvider,
  type SignInRequest,
  type SignInResult,
} from "@codebox/core";
import * as z from "zod";
import { send, type Answer } from "./requests.ts";

/**
 * An OAuth app at GitHub, or at a GitHub Enterprise Server.
 *
 * @example { clientId: "Ov23…", clientSecret, orgs: ["acme"], webUrl: "https://github.com", apiUrl: "https://api.github.com" }
 */
export type GitHubSettings = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Only active members of one of them get in. */
  readonly orgs: readonly string[];
  /** Without a slash at its end. */
  readonly webUrl: string;
  /** GitHub Enterprise Server: `https://HOST/api/v3`. */
  readonly apiUrl: string;
};

/** Tokens that GitHub issued for an app: ours, or another one. The last form is from before prefixes. */
const OAUTH_TOKEN = /^(?:gh[ou]_[A-Za-z0-9]{20,255}|[0-9a-f]{40})$/;
/** Tokens that a person made. Source: GitHub's documentation, "About authentication to GitHub", token formats. */
const PERSONAL_TOKEN = /^(?:ghp_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})$/;
/** Pages of 100 teams that are read. A person in more teams has the groups of the first ones. */
const TEAM_PAGES_MAX = 3;

/** GitHub's answers, as far as they are read. Source: GitHub's OpenAPI description. */
const User = z.object({ id: z.int(), login: z.string() });
const Authorization = z.object({ user: User.nullable() });
const Membership = z.object({ state: z.enum(["active", "pending"]) });
const Teams = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));
/** Of the web host, which is not in the OpenAPI description. Source: GitHub's documentation, "Authorizing OAuth apps". */
const Exchanged = z.object({ access_token: z.string() });

/**
 * Sign-in at GitHub, for the members of some organisations.
 *
 * The groups of an account are its organisations, `acme`, and its teams there, `acme/platform`, in lower case. An account is its
 * numeric id: a login may be renamed, and given to somebody else.
 *
 * @example const github = createGitHub({ clientId, clientSecret, orgs: ["acme"], webUrl, apiUrl });
 */
export function createGitHub(settings: GitHubSettings): SignInProvider {
  const { clientId, clientSecret, webUrl, apiUrl } = settings;
  const atApp = (method: "POST" | "DELETE", token: string) =>
    send(`${apiUrl}/applications/${encodeURIComponent(clientId)}/token`, {
      method,
      headers: { ...API_HEADERS, authorization: basic(clientId, clientSecret) },
      body: JSON.stringify({ access_token: token }),
    });

  const accountOf = createAccountReader(settings);

  return {
    id: "github",
    label: "GitHub",
    ownsNames: true,
    recognises: (token) => OAUTH_TOKEN.test(token) || PERSONAL_TOKEN.test(token),
    async authorizeUrl({ state, verifier, returnUrl }) {
      const url = new URL(`${webUrl}/login/oauth/authorize`);
      url.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: returnUrl,
        scope: "read:org",
        state,
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
        allow_signup: "false",
      }).toString();
      return url.href;
    },
    async finish(parameters, request) {
      const code = parameters.get("code");
      if (parameters.has("error") || code === null) return refused("the sign-in was refused there");
      const token = await exchange(settings, code, request);
      return token === undefined
        ? refused("the code of this sign-in is not valid any more; begin again")
        : accountOf(token);
    },
    async check(token) {
      if (PERSONAL_TOKEN.test(token)) return accountOf(token);
      // A token that a person gave to another app must not get in here.
      const answer = await atApp("POST", token);
      const user = userIn(answer, Authorization)?.user;
      if (!user) return refused("the token was not issued for this registry, or was revoked");
      const result = await accountOf(token);
      return result.ok && result.account.subject !== String(user.id)
        ? refused("the token is not valid at GitHub")
        : result;
    },
    async revoke(token) {
      // 404 and 422: it was not issued for this registry, or is gone.
      if (OAUTH_TOKEN.test(token)) await atApp("DELETE", token);
    },
  };
}

/** Reads the account of a token that GitHub gave to our app, or to the person. */
function createAccountReader({ orgs, apiUrl }: GitHubSettings): (token: string) => Promise<SignInResult> {
  const known = orgs.map((org) => org.toLowerCase());
  const get = (path: string, token: string) =>
    send(`${apiUrl}${path}`, { headers: { ...API_HEADERS, authorization: `Bearer ${token}` } });
  const isMember = async (org: string, token: string): Promise<boolean> => {
    const answer = await get(`/user/memberships/orgs/${encodeURIComponent(org)}`, token);
    return answer.status === 200 && read(Membership, answer.body).state === "active";
  };
  const teamsOf = async (token: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for (let page = 1; page <= TEAM_PAGES_MAX; page++) {
      const answer = await get(`/user/teams?per_page=100&page=${page}`, token);
      const teams = answer.status === 200 ? read(Teams, answer.body) : [];
      found.push(...teams.map(({ slug, organization }) => `${organization.login}/${slug}`.toLowerCase()));
      if (teams.length < 100) break;
    }
    return found;
  };
  return async (token) => {
    const user = userIn(await get("/user", token), User);
    if (!user) return refused("the token is not valid at GitHub");
    const [memberships, teams] = await Promise.all([
      Promise.all(known.map(async (org) => ({ org, member: await isMember(org, token) }))),
      teamsOf(token),
    ]);
    const mine = memberships.filter(({ member }) => member).map(({ org }) => org);
    if (mine.length === 0)
      return refused(
        `"${user.login}" is not an active member of ${orgs.join(" or ")}; ask an owner of the organisation`,
      );
    const groups = [...mine, ...teams.filter((team) => mine.includes(team.split("/")[0] ?? ""))];
    const account: ProviderAccount = { subject: String(user.id), name: user.login, groups, token };
    return { ok: true, account };
  };
}

const API_HEADERS = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };

async function exchange(
  { webUrl, clientId, clientSecret }: GitHubSettings,
  code: string,
  { verifier, returnUrl }: SignInRequest,
): Promise<string | undefined> {
  const { body } = await send(`${webUrl}/login/oauth/access_token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_id: clientId,
      client_secret: clientSecret,
      code,
      redirect_uri: returnUrl,
      code_verifier: verifier,
    }),
  });
  // GitHub answers an error with 200 too.
  return Exchanged.safeParse(body).data?.access_token;
}

function userIn<T>({ status, body }: Answer, schema: z.ZodType<T>): T | undefined {
  return status === 200 ? read(schema, body) : undefined;
}

/** @throws IdentityUnavailable for an answer that is not as GitHub describes it: nobody is let in by a guess. */
function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new IdentityUnavailable("GitHub's answer is not as it describes it; try again in a moment", {
    cause: parsed.error,
  });
}

const basic = (name: string, secret: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
const refused = (problem: string): SignInResult => ({ ok: false, problem });
