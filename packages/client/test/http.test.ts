import { describe, expect, test } from "vitest";
import { createProducer, httpTransport, waitForOutcome, type NewChange } from "../src/index.ts";

/** A registry that answers with these, one after the other, and records what it was asked. */
function registryOf(...answers: readonly (() => Response)[]) {
  const asked: { method: string; path: string; headers: Headers; body: unknown }[] = [];
  const fetch = async (url: URL, init: RequestInit = {}) => {
    const { method = "GET", headers, body } = init;
    asked.push({ method, path: url.pathname + url.search, headers: new Headers(headers), body });
    const answer = answers[asked.length - 1];
    if (!answer) throw new Error("nobody answers");
    return answer();
  };
  return { asked, registry: { registry: "http://registry.test", token: "t", fetch: fetch as typeof globalThis.fetch } };
}
const noPause = async () => undefined;
const ok = (id?: string) => () => new Response("{}", { headers: id === undefined ? {} : { "codebox-change": id } });
const refused = (status: number, code: string) => () => Response.json({ code, error: "because" }, { status });

describe("changes over HTTP", () => {
  const own = { id: "k", name: "@acme/wire" };
  const CASES: readonly (readonly [NewChange, string, string])[] = [
    [{ ...own, type: "tag.put", tag: "next", version: "1.0.0" }, "PUT /dist-tags/next", '"1.0.0"'],
    [{ ...own, type: "tag.remove", tag: "next" }, "DELETE /dist-tags/next", ""],
    [{ ...own, type: "tags.replace", tags: { latest: "1.0.0" } }, "PUT /dist-tags", '{"latest":"1.0.0"}'],
    [{ ...own, type: "tags.merge", tags: { next: "1.0.0" } }, "POST /dist-tags", '{"next":"1.0.0"}'],
    [
      { ...own, type: "tags.approve", tag: "next", version: "1.0.0" },
      "POST /approvals",
      '{"tag":"next","version":"1.0.0"}',
    ],
    [{ ...own, type: "rules.put", rules: [] }, "PUT /rules", '{"rules":[]}'],
  ];
  test.each(CASES)("%j", async (change, line, body) => {
    const { asked, registry } = registryOf(ok("derived"));
    const sent = await createProducer({ transport: httpTransport(registry) }).send(change);
    expect(sent).toEqual({ id: "derived", name: "@acme/wire" });
    const [{ method, path, headers, body: was } = { method: "", path: "", headers: new Headers(), body: "" }] = asked;
    expect(`${method} ${path}`).toBe(line.replace(" ", " /-/package/%40acme%2Fwire"));
    expect(was ?? "").toBe(body);
    expect([headers.get("idempotency-key"), headers.get("authorization")]).toEqual(["k", "Bearer t"]);
  });
  test("carry their conditions, and why they are made", async () => {
    const { asked, registry } = registryOf(ok());
    const why = { message: "zurück, see 12", run: "https://ci.acme.example/7" };
    const change: NewChange = { ...own, type: "tag.put", tag: "next", version: "1.0.0", ifMatch: '"e"', why };
    await createProducer({ transport: httpTransport(registry) }).send(change);
    const headers = asked[0]?.headers;
    expect(headers?.get("if-match")).toBe('"e"');
    expect(decodeURIComponent(headers?.get("codebox-message") ?? "")).toBe("zurück, see 12");
  });
  const put: NewChange = { ...own, type: "tag.put", tag: "next", version: "1.0.0" };
  test("a refusal of the package is the outcome", async () => {
    const { registry } = registryOf(refused(404, "not_found"));
    const { outcome } = await createProducer({ transport: httpTransport(registry) }).send(put);
    expect(outcome).toEqual({ id: "k", name: "@acme/wire", state: "rejected", code: "not_found", error: "because" });
  });
  test("a token that is not valid, and a kind without a route, are errors", async () => {
    const { registry } = registryOf(refused(401, "unauthenticated"));
    const producer = createProducer({ transport: httpTransport(registry), pause: noPause });
    await expect(producer.send(put)).rejects.toMatchObject({ code: "refused" });
    await expect(producer.send({ ...own, type: "unpublish.all" })).rejects.toMatchObject({ code: "unsupported" });
  });
  test("the same request is sent again after a failure", async () => {
    const { asked, registry } = registryOf(refused(503, "unavailable"), refused(429, "too_many"), ok());
    await createProducer({ transport: httpTransport(registry), pause: noPause }).send(put);
    expect(asked.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["k", "k", "k"]);
  });
});

describe("waitForOutcome", () => {
  const change = { id: "a", name: "@acme/wire" };
  const applied = { ...change, state: "applied", sequence: 1, revision: 1, "dist-tags": {} };
  const known = (value: object) => () => Response.json(value);

  test("asks until the change is applied, also while it is unknown and while nobody answers", async () => {
    const { asked, registry } = registryOf(
      refused(404, "not_found"),
      refused(503, "unavailable"),
      known({ ...change, state: "pending" }),
      known(applied),
    );
    expect(await waitForOutcome(change, { ...registry, pause: noPause })).toEqual(applied);
    expect(asked.map(({ path }) => path)).toEqual(Array(4).fill("/-/changes/a?package=%40acme%2Fwire"));
  });
  test("ends with time-out", async () => {
    const { registry } = registryOf(known({ ...change, state: "pending" }));
    await expect(waitForOutcome(change, { ...registry, timeoutMs: 0 })).rejects.toMatchObject({ code: "timeout" });
  });
  test("ends at once when the caller may not ask", async () => {
    const { registry } = registryOf(refused(401, "unauthenticated"));
    await expect(waitForOutcome(change, registry)).rejects.toMatchObject({ code: "refused" });
  });
});
