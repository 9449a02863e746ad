import { createApp } from "@codebox/api";
import { createPolicy, hashToken, issueToken } from "@codebox/core";
import { systemClock, systemIds } from "@codebox/system";
import { createMemoryBackend, type MemoryBackend } from "@codebox/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { allTokensRoutes } from "../src/all-tokens-route.ts";

let backend: MemoryBackend;
let admin: string;
let bob: string;
let ask: (method: string, path: string, token: string) => Promise<Response>;
beforeEach(async () => {
  backend = createMemoryBackend({ clock: systemClock });
  const policy = createPolicy({ anonymousRead: true, admins: ["admin"] });
  const app = createApp({ ...backend, policy, clock: systemClock }, {}, [allTokensRoutes(backend.tokens)]);
  const make = (user: string) =>
    issueToken(
      { ...backend, ids: systemIds },
      { user, readonly: false, label: "laptop", created: "2026-01-01T00:00:00.000Z" },
    );
  [admin, bob] = await Promise.all([make("admin"), make("bob")]);
  ask = async (method, path, token) =>
    app.request(`http://registry.test${path}`, { method, headers: { authorization: `Bearer ${token}` } });
});

describe("everybody's tokens", () => {
  test("are listed for an administrator, by user too, without the tokens themselves", async () => {
    const response = await ask("GET", "/-/tokens", admin);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { tokens } = (await response.json()) as { tokens: { user: string }[] };
    expect(tokens.map(({ user }) => user).toSorted()).toEqual(["admin", "bob"]);
    expect(JSON.stringify(tokens)).not.toContain(bob);
    const ofBob = await (await ask("GET", "/-/tokens?user=bob", admin)).json();
    expect(ofBob).toMatchObject({ tokens: [{ user: "bob", hash: hashToken(bob) }] });
  });
  test("are revoked by an administrator, by the beginning of the hash", async () => {
    expect((await ask("DELETE", `/-/tokens/${hashToken(bob).slice(0, 12)}`, admin)).status).toBe(200);
    expect(await backend.tokens.find(hashToken(bob))).toBeUndefined();
    expect((await ask("DELETE", `/-/tokens/${hashToken(bob)}`, admin)).status).toBe(404);
    expect((await ask("DELETE", "/-/tokens/0", admin)).status).toBe(400);
  });
  test("are neither listed nor revoked by anybody else", async () => {
    expect((await ask("GET", "/-/tokens", bob)).status).toBe(403);
    expect((await ask("DELETE", `/-/tokens/${hashToken(admin)}`, bob)).status).toBe(403);
    expect(await backend.tokens.find(hashToken(admin))).toBeDefined();
  });
});
