import { createHmac, generateKeyPairSync } from "node:crypto";
import { IssuerUnavailable } from "@codebox/core";
import { manualClock, startWorkloadIssuer, type WorkloadIssuer } from "@codebox/testing";
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createWorkloadVerifier } from "../src/index.ts";

const AUDIENCES = ["npm:registry.test"];
const clock = manualClock();
let issuer: WorkloadIssuer;
const verifier = () => createWorkloadVerifier({ clock, issuers: [{ type: "github", issuer: issuer.url }] });
const problem = (text: string) => ({ ok: false, problem: expect.stringContaining(text) });

beforeEach(async () => {
  issuer = await startWorkloadIssuer(clock);
});
afterEach(() => issuer.close());

test("a token of a trusted issuer is a job, with its claims and its id", async () => {
  const verified = await verifier().verify(await issuer.sign({ jti: "one" }), AUDIENCES);
  expect(verified).toMatchObject({
    ok: true,
    workload: { type: "github", issuer: issuer.url, tokenId: "one", claims: { repository: "acme/wire" } },
  });
});
test("one of several audiences is enough", async () => {
  const token = await issuer.sign({ aud: "npm:registry.test:4870" });
  expect(await verifier().verify(token, [...AUDIENCES, "npm:registry.test:4870"])).toMatchObject({ ok: true });
});
test("a token without jti is known by what was signed", async () => {
  const token = await issuer.sign({ jti: undefined });
  const [first, second] = [await verifier().verify(token, AUDIENCES), await verifier().verify(token, AUDIENCES)];
  expect(first).toMatchObject({ ok: true, workload: { tokenId: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  expect(second).toEqual(first);
});

describe("a token is refused", () => {
  const HOUR = 3600;
  const seconds = () => Math.floor(clock.now().getTime() / 1000);
  test.each([
    ["for another audience", () => ({ aud: "npm:other.test" }), "audience"],
    ["after its end", () => ({ iat: seconds() - HOUR, exp: seconds() - HOUR / 2 }), "expired"],
    ["before it is valid", () => ({ nbf: seconds() + HOUR }), "nbf"],
    ["without an end", () => ({ exp: undefined }), "exp"],
    ["of yesterday, whatever end it has", () => ({ iat: seconds() - 24 * HOUR, exp: seconds() + HOUR }), "expired"],
    ["without a subject", () => ({ sub: undefined }), "sub"],
    ["of an issuer that is not trusted", () => ({ iss: "https://evil.test" }), "issuer is not trusted"],
    [
      "of an issuer whose name begins like a trusted one",
      () => ({ iss: `${issuer.url}.evil.test` }),
      "issuer is not trusted",
    ],
  ])("%s", async (_, claims, text) => {
    expect(await verifier().verify(await issuer.sign(claims()), AUDIENCES)).toEqual(problem(text));
  });
  test("that another key signed under the issuer's key id", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const forged = await new SignJWT({
      iss: issuer.url,
      aud: AUDIENCES[0] ?? "",
      sub: "x",
      iat: seconds(),
      exp: seconds() + 60,
    })
      .setProtectedHeader({ alg: "RS256", kid: "first" })
      .sign(privateKey);
    expect(await verifier().verify(forged, AUDIENCES)).toEqual(problem("signature"));
  });
  test("with the algorithm none", async () => {
    const [, payload] = (await issuer.sign()).split(".");
    const header = Buffer.from(JSON.stringify({ alg: "none", kid: "first" })).toString("base64url");
    expect((await verifier().verify(`${header}.${payload}.`, AUDIENCES)).ok).toBe(false);
  });
  test("with the issuer's public key as the secret of a symmetric algorithm", async () => {
    const [, payload] = (await issuer.sign()).split(".");
    const { keys } = (await (await fetch(`${issuer.url}/keys`)).json()) as { keys: object[] };
    const header = Buffer.from(JSON.stringify({ alg: "HS256", kid: "first" })).toString("base64url");
    const mac = createHmac("sha256", JSON.stringify(keys[0])).update(`${header}.${payload}`).digest("base64url");
    expect(await verifier().verify(`${header}.${payload}.${mac}`, AUDIENCES)).toEqual(problem("algorithm"));
  });
  test.each(["", "a.b.c", "no token", `${"a".repeat(13_000)}.b.c`])("that is none: %#", async (text) => {
    expect(await verifier().verify(text, AUDIENCES)).toEqual(problem("not a signed JSON Web Token"));
  });
});

test("a flood of unknown key ids asks the issuer once", async () => {
  const one = verifier();
  await one.verify(await issuer.sign(), AUDIENCES);
  const before = issuer.asked();
  for (let turn = 0; turn < 20; turn++)
    expect(await one.verify(await issuer.sign({}, { kid: `unknown-${turn}` }), AUDIENCES)).toEqual(
      problem("no such key"),
    );
  expect(issuer.asked() - before).toBeLessThanOrEqual(1);
});
test("an issuer that does not answer is a failure that a retry may cure, and is asked again", async () => {
  const token = await issuer.sign();
  const one = verifier();
  await issuer.close();
  await expect(one.verify(token, AUDIENCES)).rejects.toThrow(IssuerUnavailable);
  await expect(one.verify(token, AUDIENCES)).rejects.toThrow(IssuerUnavailable);
  issuer = await startWorkloadIssuer(clock);
});
test("one's own GitHub takes the place of the public one", async () => {
  const token = await issuer.sign({ iss: "https://token.actions.githubusercontent.com" });
  expect(await verifier().verify(token, AUDIENCES)).toEqual(problem("issuer is not trusted"));
});
