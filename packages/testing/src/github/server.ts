import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { authorizationAnswer, membershipAnswer, teamsAnswer, userAnswer, type GitHubUser } from "./answers.ts";

/** A token at the fake GitHub. `app`: the OAuth app that it was issued for; absent: a person made it. */
type Token = { readonly user: number; readonly app?: string };
type Code = { readonly user: number; readonly challenge: string; readonly returnUrl: string };

/** A GitHub of this process, for one OAuth app, with the answers of GitHub's published description. */
export type FakeGitHub = AsyncDisposable & {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly webUrl: string;
  readonly apiUrl: string;
  /** Users by their id. A test renames them, or takes them out of an organisation. */
  readonly users: Map<number, GitHubUser>;
  /** Who is signed in in the browser that opens the authorize page. `undefined`: the person refuses. */
  person: number | undefined;
  /** `down`: every request is answered with 503. `limited`: the rate limit is used up. */
  mode: "up" | "down" | "limited";
  /** `GET /user` and so on, in their order. */
  readonly requests: string[];
  /** Makes a token. @param app the app that it is for; absent: a personal token. */
  token(user: number, app?: string): string;
  readonly tokens: Map<string, Token>;
};

type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> };
const NOT_FOUND: Reply = { status: 404, body: { message: "Not Found", documentation_url: "", status: "404" } };
const UNAUTHORIZED: Reply = { status: 401, body: { message: "Bad credentials", documentation_url: "", status: "401" } };

/** @example await using github = await startGitHub(); github.users.set(1, { id: 1, login: "alice", orgs: { acme: "active" }, teams: [] }); */
export async function startGitHub(): Promise<FakeGitHub> {
  const server = createServer((request, response) => {
    void respond(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const github: FakeGitHub = {
    clientId: "Ov23fake",
    clientSecret: "a-client-secret",
    webUrl: origin,
    apiUrl: `${origin}/api/v3`,
    users: new Map(),
    person: undefined,
    mode: "up",
    requests: [],
    tokens: new Map(),
    token(user, app) {
      const token = `${app === undefined ? "ghp_" : "gho_"}${randomBytes(18).toString("hex")}`;
      github.tokens.set(token, { user, ...(app === undefined ? {} : { app }) });
      return token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  const answer = createAnswers(github, origin);
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body, headers = {} } = await answer(request);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }
  return github;
}

/** What the fake answers to each request. */
function createAnswers(github: FakeGitHub, origin: string): (request: IncomingMessage) => Promise<Reply> {
  const codes = new Map<string, Code>();
  async function answer(request: IncomingMessage): Promise<Reply> {
    const url = new URL(request.url ?? "/", origin);
    github.requests.push(`${request.method} ${url.pathname}`);
    const text = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    if (github.mode === "down") return { status: 503 };
    if (github.mode === "limited") return { status: 403, headers: { "x-ratelimit-remaining": "0" }, body: {} };
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, string>;
    if (url.pathname === "/login/oauth/authorize") return authorize(url.searchParams);
    if (url.pathname === "/login/oauth/access_token") return exchange(body);
    if (url.pathname === `/api/v3/applications/${github.clientId}/token`) return app(request, body);
    return api(request, url);
  }

  function authorize(query: URLSearchParams): Reply {
    const back = new URL(query.get("redirect_uri") ?? "");
    back.searchParams.set("state", query.get("state") ?? "");
    if (query.get("client_id") !== github.clientId) return NOT_FOUND;
    if (github.person === undefined) back.searchParams.set("error", "access_denied");
    else {
      const code = randomBytes(10).toString("hex");
      const challenge = query.get("code_challenge") ?? "";
      codes.set(code, { user: github.person, challenge, returnUrl: query.get("redirect_uri") ?? "" });
      back.searchParams.set("code", code);
    }
    return { status: 302, headers: { location: back.href } };
  }

  function exchange(body: Record<string, string>): Reply {
    const code = codes.get(body["code"] ?? "");
    codes.delete(body["code"] ?? "");
    const isApp = body["client_id"] === github.clientId && body["client_secret"] === github.clientSecret;
    const challenge = createHash("sha256")
      .update(body["code_verifier"] ?? "")
      .digest("base64url");
    if (!isApp || code?.challenge !== challenge || code.returnUrl !== body["redirect_uri"])
      return { status: 200, body: { error: "bad_verification_code", error_description: "", error_uri: "" } };
    const token = github.token(code.user, github.clientId);
    return { status: 200, body: { access_token: token, scope: "read:org", token_type: "bearer" } };
  }

  function app(request: IncomingMessage, body: Record<string, string>): Reply {
    const basic = Buffer.from(`${github.clientId}:${github.clientSecret}`).toString("base64");
    if (request.headers.authorization !== `Basic ${basic}`) return NOT_FOUND;
    const token = body["access_token"] ?? "";
    const known = github.tokens.get(token);
    const user = known && github.users.get(known.user);
    if (!user || known.app !== github.clientId) return NOT_FOUND;
    if (request.method === "POST")
      return { status: 200, body: authorizationAnswer(github.apiUrl, user, { token, clientId: github.clientId }) };
    github.tokens.delete(token);
    return { status: 204 };
  }

  function api(request: IncomingMessage, url: URL): Reply {
    const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const user = github.users.get(github.tokens.get(token)?.user ?? -1);
    if (!user) return UNAUTHORIZED;
    const path = url.pathname.slice("/api/v3".length);
    if (path === "/user") return { status: 200, body: userAnswer(github.apiUrl, user) };
    if (path === "/user/teams") {
      const [page, size] = [Number(url.searchParams.get("page") ?? 1), Number(url.searchParams.get("per_page") ?? 30)];
      return { status: 200, body: teamsAnswer(github.apiUrl, user).slice((page - 1) * size, page * size) };
    }
    const [, org = ""] = /^\/user\/memberships\/orgs\/([^/]+)$/.exec(path) ?? [];
    const state = user.orgs[org];
    return state ? { status: 200, body: membershipAnswer(github.apiUrl, user, org, state) } : NOT_FOUND;
  }
  return answer;
}
