import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createDirect, type DirectRequest } from "../src/index.ts";
import { startApp, type Harness } from "./harness.ts";

const HOST = "registry.test";
const WIRE = "/wire/-/wire-1.0.0.tgz";

let registry: Harness;
beforeEach(async () => {
  registry = await startApp();
  await registry.publish("wire", "1.0.0");
  await registry.publish("@acme/wire", "1.0.0");
});
afterEach(() => registry[Symbol.asyncDispose]());

const direct = (
  request: Partial<DirectRequest>,
  from: Harness = registry,
  isKnownHost = (host: string) => host === HOST,
) =>
  createDirect(from.ports, { isKnownHost })({
    method: "GET",
    target: WIRE,
    ...request,
    headers: { host: HOST, ...request.headers },
  });
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe("a tarball of ours is answered as the app answers it", () => {
  test.each([
    ["anonymously", WIRE, false],
    ["with a token", WIRE, true],
    ["of a scope", "/@acme/wire/-/wire-1.0.0.tgz", false],
  ])("%s", async (_, target, signedIn) => {
    const headers = signedIn ? { authorization: `Bearer ${registry.alice}` } : {};
    const byApp = await registry.app.request(`http://${HOST}${target}`, { headers });
    const answer = await direct({ target, headers });
    expect(byApp.status).toBe(200);
    const bytes = Buffer.from(await byApp.arrayBuffer());
    expect(Buffer.concat(await Array.fromAsync(answer?.body ?? [])).equals(bytes)).toBe(true);
    expect(Buffer.from(answer?.bytes ?? []).equals(bytes)).toBe(true);
    const text = Object.fromEntries(
      Object.entries(answer?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    expect(text).toEqual(Object.fromEntries(byApp.headers));
    const [first, second] = registry.logged.slice(-2) as { ms: number }[];
    expect({ ...second, ms: 0 }).toEqual({ ...first, ms: 0 });
  });
});

describe("the app answers", () => {
  test.each<[string, Partial<DirectRequest>]>([
    ["another method", { method: "HEAD" }],
    ["another path", { target: "/wire" }],
    ["a query", { target: `${WIRE}?write=true` }],
    ["an escaped path", { target: "/%77ire/-/wire-1.0.0.tgz" }],
    ["a path with dot segments", { target: "/../wire/-/wire-1.0.0.tgz" }],
    ["a path of the registry's own", { target: "/-/-/wire-1.0.0.tgz" }],
    ["a name that is too long", { target: `/${"w".repeat(300)}/-/wire-1.0.0.tgz` }],
    ["a version that does not exist", { target: "/wire/-/wire-9.9.9.tgz" }],
    ["a package that does not exist", { target: "/other/-/other-1.0.0.tgz" }],
    ["a range", { headers: { range: "bytes=0-1" } }],
    ["a condition", { headers: { "if-none-match": '"x"' } }],
    ["a body", { headers: { "content-length": "1" } }],
    ["an unknown host", { headers: { host: "evil.example" } }],
    ["no host", { headers: { host: undefined } }],
    ["a token that is nobody's", bearer("cbx_nobody")],
    ["another kind of credentials", { headers: { authorization: "Basic YTpi" } }],
  ])("%s", async (_, request) => {
    expect(await direct(request)).toBeUndefined();
  });
  test("a caller who may not read", async () => {
    await using closed = await startApp({ settings: { anonymousRead: false } });
    await closed.publish("wire", "1.0.0");
    expect(await direct({}, closed)).toBeUndefined();
    expect(await direct(bearer(closed.alice), closed)).toBeDefined();
    await using hidden = await startApp({ unreadable: "wire" });
    await hidden.publish("wire", "1.0.0");
    expect(await direct(bearer(hidden.alice), hidden)).toBeUndefined();
  });
  test("a token that was revoked", async () => {
    const token = await registry.token("bob");
    expect(await direct(bearer(token))).toBeDefined();
    await registry.request("/-/user/token/" + token, { method: "DELETE", ...bearer(token) });
    expect(await direct(bearer(token))).toBeUndefined();
  });
  test("a version that was unpublished", async () => {
    expect(await direct({})).toBeDefined();
    const removed = await registry.send("DELETE", `/wire/-rev/${(await revision()) ?? ""}`);
    expect(removed.status).toBe(201);
    expect(await direct({})).toBeUndefined();
  });
});

async function revision(): Promise<string | undefined> {
  return ((await (await registry.request("/wire?write=true")).json()) as { _rev?: string })._rev;
}
