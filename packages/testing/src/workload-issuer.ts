import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** An issuer of ID tokens on 127.0.0.1, as a CI system has one: discovery document, key set and signed tokens. */
export type WorkloadIssuer = {
  /** The `iss` of its tokens. */
  readonly url: string;
  /** How often its keys were asked for. */
  readonly asked: () => number;
  /** A token with GitHub's claims, and those that a test sets; `undefined` removes one. */
  sign(claims?: Readonly<Record<string, unknown>>, header?: { readonly kid?: string }): Promise<string>;
  close(): Promise<void>;
};

/**
 * Starts an issuer. `GET /token?audience=…` answers as GitHub's token service does for a job that asks for its ID token.
 *
 * @example const issuer = await startWorkloadIssuer({ now: () => new Date() });
 * Source of the claims: GitHub's documentation, "OpenID Connect reference".
 */
export async function startWorkloadIssuer({ now }: { readonly now: () => Date }): Promise<WorkloadIssuer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "first", alg: "RS256", use: "sig" };
  let asked = 0;
  let tokens = 0;
  const sign: WorkloadIssuer["sign"] = (claims = {}, { kid = "first" } = {}) => {
    const seconds = Math.floor(now().getTime() / 1000);
    const payload = {
      ...githubClaims(),
      iss: url,
      jti: `token-${++tokens}`,
      iat: seconds,
      exp: seconds + 600,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: "RS256", typ: "JWT", kid }).sign(privateKey);
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://issuer.test");
    const answer = (body: object) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    if (pathname === "/.well-known/openid-configuration") return void answer({ issuer: url, jwks_uri: `${url}/keys` });
    if (pathname === "/keys") return void (asked++, answer({ keys: [jwk] }));
    if (pathname === "/token")
      return void sign({ aud: searchParams.get("audience") }).then((value) => answer({ value }));
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked: () => asked,
    sign,
    close: () => new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve()))),
  };
}

function githubClaims() {
  return {
    sub: "repo:acme/wire:environment:production",
    aud: "npm:registry.test",
    repository: "acme/wire",
    repository_id: "1001",
    repository_owner: "acme",
    repository_owner_id: "2002",
    repository_visibility: "private",
    workflow_ref: "acme/wire/.github/workflows/release.yml@refs/heads/main",
    ref: "refs/heads/main",
    event_name: "push",
    environment: "production",
    runner_environment: "github-hosted",
  };
}
